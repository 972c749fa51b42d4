import type { Command, Option } from 'commander'
import { isId } from '../../core/ids.ts'
import type { ContextFlags } from '../context/resolve-context.ts'
import type { Terminal } from '../terminal.ts'
import { withClient } from '../with-client.ts'
import { askFor } from './asked-names.ts'

/** The end of a command line that is being typed. */
export interface TypedLine {
  /** What there is of the word already. */
  readonly current: string
  /** Those before it, without the program's name. */
  readonly words: readonly string[]
  /** How long a node is waited for. */
  readonly withinMs: number
}

/**
 * Prints what the node knows that may stand next on a command line, a line each, and nothing where it is not to be had: a
 * shell shows whatever is printed in the middle of what somebody types. Never rejects.
 */
export async function completeNames(
  program: Command,
  { current, words, withinMs }: TypedLine,
  terminal: Terminal,
): Promise<void> {
  const line = readLine(program, words)
  const [first] = line.command.registeredArguments
  const ask = line.given.length === 0 || first?.variadic === true ? askFor(line.path) : undefined
  if (ask === undefined) return
  const signal = AbortSignal.timeout(withinMs)
  const known = await withClient(line.flags, terminal, (client) => ask(client, signal)).catch(() => [])
  // What is no name could be anything, and a shell would take it.
  const names = known.filter((name) => isId(name) && name.startsWith(current) && !line.given.includes(name))
  terminal.stdout.write(names.map((name) => `${name}\n`).join(''))
}

interface ReadLine {
  readonly command: Command
  /** As in a `CommandNode`. */
  readonly path: string
  /** Arguments so far. */
  readonly given: readonly string[]
  readonly flags: ContextFlags
}

/** As far as it goes: a line that is being typed need not be right. */
function readLine(program: Command, words: readonly string[]): ReadLine {
  let command = program
  let path = program.name()
  const given: string[] = []
  const flags: Record<string, string> = {}
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? ''
    if (/^-./.test(word) && word !== '--') {
      const [flag = '', value] = word.split(/=(.*)/s)
      const option = command.options.find(({ short, long }) => flag === short || flag === long)
      if (option === undefined || !takesValue(option)) continue
      flags[option.attributeName()] = value ?? words[++at] ?? ''
      continue
    }
    const below = given.length === 0 ? find(command, word) : undefined
    if (below === undefined) given.push(word)
    else [command, path] = [below, `${path} ${below.name()}`]
  }
  return { command, path, given: given.filter((word) => word !== '--'), flags }
}

function takesValue({ required, optional }: Option): boolean {
  return required || optional
}

function find({ commands }: Command, word: string): Command | undefined {
  return commands.find((command) => command.name() === word || command.aliases().includes(word))
}
