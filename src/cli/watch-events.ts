import type { EventView, NodeEvent } from '../client/client.ts'
import type { ContextFlags } from './context/resolve-context.ts'
import { readWholeNumber } from './flag-values.ts'
import { printJsonLine } from './output/json.ts'
import { neutralize } from './output/neutralize.ts'
import { StopSignals } from './stop-signals.ts'
import type { Terminal } from './terminal.ts'
import { withClient } from './with-client.ts'

export interface EventFlags extends ContextFlags {
  readonly since?: string
  readonly json?: boolean
}

/** Prints what happens to executions, as it happens, until Ctrl-C. */
export async function watchEvents({ since, json, ...flags }: EventFlags, terminal: Terminal): Promise<void> {
  using signals = new StopSignals(terminal.signals, true)
  const { signal } = signals
  const from = since === undefined ? {} : { since: readWholeNumber('--since', since) }
  await withClient(flags, terminal, async (client) => {
    for await (const event of client.events({ ...from, signal })) {
      if (json === true) printJsonLine(terminal.stdout, event)
      else print(event, terminal)
    }
  }).catch((error: unknown) => {
    // To end it is how one leaves it.
    if (!signal.aborted) throw error
  })
}

function print(event: NodeEvent, { stdout, stderr }: Terminal): void {
  if (event.name === 'execution') stdout.write(`${neutralize(describe(event.execution))}\n`)
  else stderr.write('errand: some changes cannot be told any more: look at errand ps --all\n')
}

function describe({ seq, time, execution, status, reason }: EventView): string {
  return `${time}  ${seq}  ${execution}  ${status}${reason === undefined ? '' : ` (${reason})`}`
}
