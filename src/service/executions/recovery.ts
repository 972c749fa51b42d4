import type { ErrandError } from '../../core/errors.ts'
import type { SandboxView } from '../../engine/engine.ts'
import type { ExecutionRecord } from '../executor.ts'
import { type Outcome, outcomeOfError, outcomeOfIntent } from './outcome.ts'

/** Where an execution begins in this process. */
export type Beginning =
  | { readonly kind: 'new' }
  /** An earlier process has started this sandbox. */
  | { readonly kind: 'adopt'; readonly view: SandboxView }
  /** It was about to, or has just asked for it: the engine may do it yet. */
  | { readonly kind: 'late'; readonly view: SandboxView }
  /** Nothing is left of it that could be run or asked. */
  | { readonly kind: 'settle'; readonly outcome: Outcome }

/** What the engine shows of an execution's sandbox: undefined when it shows none. */
export type Found = SandboxView | undefined

/**
 * Where a new process takes up an execution that an earlier one left. Nothing that may have been started is started
 * again; nothing that was not is given up; what was told to end is not begun. Pure.
 */
export function takeUp(record: ExecutionRecord, found: Found, bootId: string): Beginning {
  const { host, intent } = record
  const wanted: Beginning | undefined = intent && { kind: 'settle', outcome: outcomeOfIntent(intent.kind) }
  if (isBeforeSandbox(record)) return wanted ?? { kind: 'new' }
  const mayHaveStarted = mayHaveRun(record)
  // Whatever an engine shows after a reboot (20.10 has shown exit code 0), nobody saw it end.
  if (mayHaveStarted && host !== undefined && host.bootId !== bootId) return settled('lost', 'host_reboot', REBOOTED)
  if (found !== undefined && found.state !== 'created') return { kind: 'adopt', view: found }
  if (wanted !== undefined) return wanted
  // Its container is there, or was about to be, and has never run.
  if (!mayHaveStarted) return { kind: 'new' }
  if (found !== undefined) return { kind: 'late', view: found }
  return settled('failed', 'container_removed', 'its sandbox was removed while nobody watched')
}

/**
 * The last word on one that no process can take up, for a reason of its own. Nobody saw the end of one that may have run:
 * it is neither a success nor run again. Pure.
 */
export function unfit(record: ExecutionRecord, error: ErrandError): Outcome {
  const outcome = outcomeOfError(error, record.intent?.kind)
  if (isBeforeSandbox(record) || !mayHaveRun(record)) return outcome
  const message = `what became of it cannot be known, for it could not be taken up again: ${error.message}`
  return { ...outcome, status: 'lost', reason: outcome.reason ?? 'engine_error', message }
}

/** Whether an error is about this host or its engine rather than about the one execution that met it. Pure. */
export function isOfHost({ code, retryAfterMs }: ErrandError): boolean {
  // Nothing that was accepted is given up for want of disk space: there may be some later.
  return retryAfterMs !== undefined || code === 'storage_full'
}

function isBeforeSandbox({ status }: ExecutionRecord): boolean {
  return status === 'accepted' || status === 'queued' || status === 'pulling'
}

/** Of one that is beyond that. */
function mayHaveRun({ status, step }: ExecutionRecord): boolean {
  return status !== 'creating' || step?.step === 'start'
}

const REBOOTED = 'this host was restarted while it ran; what became of it cannot be known'

function settled(status: Outcome['status'], reason: NonNullable<Outcome['reason']>, message: string): Beginning {
  const facts = { exitCode: -1, isOomKilled: false, warnings: [] }
  return { kind: 'settle', outcome: { ...facts, status, reason, message } }
}
