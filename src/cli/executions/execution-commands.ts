import { ErrandError } from '../../core/errors.ts'
import { isTerminal } from '../../core/execution.ts'
import type { ContextFlags } from '../context/resolve-context.ts'
import { malformed, readDuration, readWholeNumber } from '../flag-values.ts'
import { forEach } from '../for-each.ts'
import { printJson } from '../output/json.ts'
import { printLogs } from '../run/print-logs.ts'
import { runStatus } from '../run/run-status.ts'
import { StopSignals } from '../stop-signals.ts'
import type { Terminal } from '../terminal.ts'
import { withClient } from '../with-client.ts'

export interface OneFlags extends ContextFlags {
  readonly json?: boolean
}

export interface ListFlags extends OneFlags {
  readonly all?: boolean
  readonly status?: readonly string[]
  readonly limit: string
  readonly quiet?: boolean
}

export interface LogFlags extends OneFlags {
  readonly follow?: boolean
  readonly tail?: string
  readonly since?: string
  readonly stream?: 'stdout' | 'stderr'
  readonly raw?: boolean
}

export interface WaitFlags extends OneFlags {
  readonly timeout?: string
}

/** A node that goes away meanwhile comes back. */
const PATIENT = { patienceMs: Infinity }

export async function showLogs(id: string, flags: LogFlags, terminal: Terminal): Promise<void> {
  const { follow = false, tail, since, stream, raw, json } = flags
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
    await printLogs(client, id, range, { raw, json }, terminal)
  })
}

/** Resolves with what `errand run` would have ended with. */
export async function waitFor(id: string, { timeout, json, ...flags }: WaitFlags, terminal: Terminal): Promise<number> {
  using signals = new StopSignals(terminal.signals, terminal.stderr.isTTY)
  const timeoutMs = timeout === undefined ? {} : { timeoutMs: readDuration('--timeout', timeout) }
  return await withClient(flags, terminal, async ({ executions }) => {
    await executions.get(id)
    const record = await executions.wait(id, { ...PATIENT, ...timeoutMs, signal: signals.signal })
    if (json === true) printJson(terminal.stdout, record)
    return runStatus(record)
  })
}

export async function cancel(
  ids: readonly string[],
  { grace, ...flags }: OneFlags & { readonly grace?: string },
  terminal: Terminal,
): Promise<void> {
  const graceMs = grace === undefined ? {} : { graceMs: readDuration('--grace', grace) }
  await forEach(ids, flags, terminal, ({ executions }, id) => executions.cancel(id, graceMs))
}

export async function remove(
  ids: readonly string[],
  { force, ...flags }: OneFlags & { readonly force?: boolean },
  terminal: Terminal,
): Promise<void> {
  await forEach(ids, flags, terminal, async ({ executions }, id) => {
    const { status } = await executions.get(id)
    if (!isTerminal(status) && force !== true) {
      throw new ErrandError('validation_failed', `${id} has not ended: it is ${status}; --force ends it`)
    }
    await executions.remove(id)
  })
}

function readSince(text: string): number | Date {
  if (/^[0-9]{1,15}$/.test(text)) return Number(text)
  const time = new Date(text)
  if (Number.isNaN(time.getTime())) throw malformed('--since', text, 'the number of a line, or a time (RFC 3339)')
  return time
}
