import type { CommandNode, OptionValue } from './command-tree.ts'

/** The hidden command that asks a node. In a script: with `--`, the word that is being typed, and all words before it. */
export const COMPLETE = '__complete'

/** A row of a `case` on the command so far and the next word: what the command is then. */
export interface Step {
  /** `errand context ls`, once per name. */
  readonly patterns: readonly string[]
  /** `errand context list`. */
  readonly path: string
}

/** How words lead from a command to those below it. Names and aliases are of `[a-z-]`, so that no shell needs them quoted. */
export function stepsOf(nodes: readonly CommandNode[]): Step[] {
  return nodes.flatMap(({ path, commands }) =>
    commands.map(({ names }) => ({ patterns: names.map((name) => `${path} ${name}`), path: `${path} ${names[0]}` })),
  )
}

/** Every option of a kind of value, as `PATH FLAG`. */
export function optionsOf(nodes: readonly CommandNode[], kind: OptionValue['kind']): string[] {
  return nodes.flatMap(({ path, options }) =>
    options.filter(({ value }) => value.kind === kind).flatMap(({ flags }) => flags.map((flag) => `${path} ${flag}`)),
  )
}

/** Options with a closed list of values. */
export function choicesOf(
  nodes: readonly CommandNode[],
): { patterns: readonly string[]; choices: readonly string[] }[] {
  return nodes.flatMap(({ path, options }) =>
    options.flatMap(({ flags, value }) =>
      value.kind === 'choices' ? [{ patterns: flags.map((flag) => `${path} ${flag}`), choices: value.choices }] : [],
    ),
  )
}

/** The commands whose arguments a node is asked for. */
export function askingOf(nodes: readonly CommandNode[]): string[] {
  return nodes.filter(({ isAsked }) => isAsked).map(({ path }) => path)
}

/** In single quotes, as every shell here takes them. */
export function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}

export function alternatives(patterns: readonly string[]): string {
  return patterns.map(quote).join(' | ')
}
