import { parseDuration } from '../../util/quantity.ts'
import { malformed, readWholeNumber } from '../flag-values.ts'
import { printLogs } from '../run/print-logs.ts'
import { StopSignals } from '../stop-signals.ts'
import type { Terminal } from '../terminal.ts'
import { PATIENT, withClient } from '../with-client.ts'
import type { LogFlags } from './flags.ts'

/** Prints the output of an execution, each stream where it belongs. */
export async function showLogs(id: string, flags: LogFlags, terminal: Terminal): Promise<void> {
  const { follow = false, tail, since, stream, timestamps, raw, json } = flags
  using signals = new StopSignals(terminal.signals, terminal.stderr.isTTY)
  const range = {
    follow,
    signal: signals.signal,
    ...(follow && PATIENT),
    ...(tail !== undefined && { tail: readWholeNumber('--tail', tail) }),
    ...(since !== undefined && { since: readSince(since) }),
    ...(stream !== undefined && { stream }),
  }
  await withClient(flags, terminal, async (client) => {
    // What is not there is told at once, however long one would wait for it.
    if (follow) await client.executions.get(id)
    await printLogs(client, id, range, { raw, timestamps, json }, terminal)
  })
}

function readSince(text: string): number | Date {
  if (/^[0-9]{1,15}$/.test(text)) return Number(text)
  const agoMs = parseDuration(text)
  const time = agoMs === undefined ? new Date(text) : new Date(Date.now() - agoMs)
  if (!Number.isNaN(time.getTime())) return time
  throw malformed('--since', text, 'the number of a line, a time (RFC 3339), or how long ago, such as 10m')
}
