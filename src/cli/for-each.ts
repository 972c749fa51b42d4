import type { ErrandClient } from '../client/client.ts'
import { ErrandError } from '../core/errors.ts'
import type { ContextFlags } from './context/resolve-context.ts'
import { jsonLines } from './output/json.ts'
import { jsonError } from './output/json-error.ts'
import { neutralize } from './output/neutralize.ts'
import { StopSignals } from './stop-signals.ts'
import type { Terminal } from './terminal.ts'
import { withClient } from './with-client.ts'

export interface EachFlags extends ContextFlags {
  readonly json?: boolean
}

/** What is done for one id, and what is printed of it then. */
export interface Each<T> {
  readonly act: (client: ErrandClient, id: string, signal: AbortSignal) => Promise<T>
  readonly show: (value: T, id: string) => string
}

/** So many are under way at a time; what waits is asked for by connections of their own. */
const AT_ONCE = 64

/**
 * Does something for each id, side by side, and prints what came of it in their order. All are tried.
 * @throws the first failure, in the end; `cancelled` by Ctrl-C
 */
export async function forEach<T>(
  ids: readonly string[],
  flags: EachFlags,
  terminal: Terminal,
  { act, show }: Each<T>,
): Promise<void> {
  using signals = new StopSignals(terminal.signals, terminal.stderr.isTTY)
  const { signal } = signals
  const failures: ErrandError[] = []
  await withClient(flags, terminal, async (client) => {
    for await (const { id, outcome } of sideBySide(ids, (each) => act(client, each, signal))) {
      signal.throwIfAborted()
      if (outcome.status === 'fulfilled') terminal.stdout.write(show(outcome.value, id))
      else failures.push(failureOf(id, outcome.reason))
    }
  })
  const [first, ...others] = failures
  for (const error of others) {
    terminal.stderr.write(flags.json === true ? jsonError(error) : `errand: ${neutralize(error.message)}\n`)
  }
  if (first !== undefined) throw first
}

/** Prints the id, or in JSON what `toJson` makes of the value. */
export function showId<T>({ json }: EachFlags, toJson: (value: T, id: string) => unknown): Each<T>['show'] {
  return (value, id) => (json === true ? jsonLines([toJson(value, id)]) : `${id}\n`)
}

/** In the order of the ids, whichever is first. */
async function* sideBySide<T>(
  ids: readonly string[],
  act: (id: string) => Promise<T>,
): AsyncGenerator<{ readonly id: string; readonly outcome: PromiseSettledResult<T> }, void, undefined> {
  const begun: Promise<PromiseSettledResult<T>[]>[] = []
  for (const [place, id] of ids.entries()) {
    for (const next of ids.slice(begun.length, place + AT_ONCE)) begun.push(Promise.allSettled([act(next)]))
    const [outcome] = (await begun[place]) ?? []
    if (outcome !== undefined) yield { id, outcome }
  }
}

/** It says of itself which of them it is of, for programs. */
function failureOf(id: string, thrown: unknown): ErrandError {
  const { code, message, details } = ErrandError.from(thrown)
  return new ErrandError(code, message, { details: { id, ...details }, cause: thrown })
}
