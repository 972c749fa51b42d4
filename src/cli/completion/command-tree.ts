import type { Command, Option } from 'commander'
import { askFor } from './asked-names.ts'

/** One command as a shell completes it. */
export interface CommandNode {
  /** `errand token create`: names only, no aliases. */
  readonly path: string
  readonly commands: readonly NamedCommand[]
  readonly options: readonly CompletedOption[]
  /** What its first argument may be, where that is a closed list. */
  readonly choices: readonly string[]
  /** Whether a node is asked what its arguments may be. */
  readonly isAsked: boolean
}

interface NamedCommand {
  /** Its name first, then its aliases. */
  readonly names: readonly string[]
  readonly description: string
}

export interface CompletedOption {
  /** `-c`, `--config`. */
  readonly flags: readonly string[]
  readonly description: string
  readonly value: OptionValue
}

export type OptionValue =
  | { readonly kind: 'none' }
  | { readonly kind: 'text' }
  | { readonly kind: 'file' }
  | { readonly kind: 'folder' }
  | { readonly kind: 'choices'; readonly choices: readonly string[] }

/** A program and all that is below it, hidden ones left out, in the order of the help. */
export function commandTree(command: Command, above = ''): CommandNode[] {
  const help = command.createHelp()
  const path = `${above}${command.name()}`
  const visible = help.visibleCommands(command)
  const node: CommandNode = {
    path,
    commands: visible.map((child) => ({
      names: [child.name(), ...child.aliases()],
      description: oneLine(child.description()),
    })),
    options: help.visibleOptions(command).map(toOption),
    choices: command.registeredArguments[0]?.argChoices ?? [],
    isAsked: askFor(path) !== undefined,
  }
  return [node, ...visible.flatMap((child) => commandTree(child, `${path} `))]
}

function toOption(option: Option): CompletedOption {
  const flags = [option.short, option.long].filter((flag) => flag !== undefined)
  return { flags, description: oneLine(option.description), value: completedValue(option) }
}

/** By the name that the help gives the value. */
function completedValue({ required, optional, argChoices, flags }: Option): OptionValue {
  if (!required && !optional) return { kind: 'none' }
  if (argChoices !== undefined) return { kind: 'choices', choices: argChoices }
  const name = /[<[](\w+)/.exec(flags)?.[1]
  return { kind: name === 'file' || name === 'folder' ? name : 'text' }
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ')
}
