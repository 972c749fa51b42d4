import type { ErrandError, ErrorCode } from '../../core/errors.ts'
import type { EndReason, TerminalStatus } from '../../core/execution.ts'
import { MIB } from '../../core/resources.ts'
import { signalOfExit } from '../../core/signal-number.ts'
import type { SandboxEnd } from '../../instance/exit-observer.ts'
import type { ExecutionRecord, StopIntent } from '../executor.ts'
import type { EndCause } from './end-cause.ts'

/** The last word on an execution. */
export type Outcome = Pick<
  ExecutionRecord,
  'reason' | 'message' | 'exitCode' | 'signal' | 'isOomKilled' | 'warnings'
> & { readonly status: TerminalStatus }

export interface HowItEnded {
  readonly end: SandboxEnd
  readonly intent: StopIntent | undefined
  /** The engine's launcher could not execute the command. */
  readonly isCommandMissing: boolean
  /** The provision script that ended it. */
  readonly failedScript: string | undefined
  readonly isOverOutputLimit: boolean
  readonly cause: EndCause
  readonly memoryBytes: number
  readonly network: string
}

const NO_EXIT_CODE = -1

interface Failure {
  readonly reason: EndReason
  readonly message: string
}

const INTENDED: Record<StopIntent, { readonly status: TerminalStatus; readonly reason?: EndReason; message: string }> =
  {
    cancel: { status: 'cancelled', message: 'it was cancelled' },
    run_timeout: { status: 'timed_out', reason: 'run_timeout', message: 'it ran longer than it may' },
    disk_limit: { status: 'failed', reason: 'disk_limit', message: 'it wrote more to its disk than it may' },
  }

/** What a process that has ended amounts to. An exit code of 0 is success only when nobody had told it to end. Pure. */
export function outcomeOf(how: HowItEnded): Outcome {
  const { end, intent } = how
  const exitCode = end.exitCode ?? NO_EXIT_CODE
  const signal = signalOfExit(exitCode)
  const facts = { exitCode, isOomKilled: end.isOomKilled, warnings: warningsOf(how), ...(signal && { signal }) }
  if (intent !== undefined) return { ...facts, ...INTENDED[intent] }
  const failure = failureOf(how)
  if (failure !== undefined) return { ...facts, status: 'failed', ...failure }
  return { ...facts, status: 'succeeded', message: '' }
}

/** What becomes of it then is not its own doing, whatever its exit code. */
const BY_OTHERS: Record<EndCause, Failure | undefined> = {
  itself: undefined,
  engine: { reason: 'engine_restart', message: 'the engine was restarted and ended it' },
  runtime: { reason: 'runtime_lost', message: 'what ran it for the engine was lost; its exit code is not its own' },
  somebody: { reason: 'stopped_externally', message: 'somebody stopped it by way of the engine' },
}

/** Ends for which neither the task nor anybody's will is to blame. */
const ACCIDENTS: ReadonlySet<EndReason> = new Set<EndReason>(['engine_restart', 'runtime_lost', 'host_reboot'])

/** Of one that may be run more than once. */
export const MOST_ATTEMPTS = 10

/** Whether another attempt may fare better. */
export function isAccident({ reason }: Pick<Outcome, 'reason'>): boolean {
  return reason !== undefined && ACCIDENTS.has(reason)
}

function failureOf(how: HowItEnded): Failure | undefined {
  const { end, memoryBytes, failedScript } = how
  const { exitCode } = end
  if (exitCode === undefined) return { reason: 'container_removed', message: 'its sandbox was removed from outside' }
  const byOthers = BY_OTHERS[how.cause]
  if (byOthers !== undefined) return byOthers
  if (exitCode === 0) {
    if (!how.isOverOutputLimit) return undefined
    return { reason: 'output_limit', message: 'its outputs are more than may be kept; what was kept is listed' }
  }
  if (end.isOomKilled) return { reason: 'oom', message: `out of memory: its limit is ${memoryBytes / MIB} MiB` }
  if (how.isCommandMissing)
    return { reason: 'command_not_found', message: 'its command is not there, or cannot be executed' }
  if (failedScript !== undefined) {
    return { reason: 'provision_failed', message: `the provision script ${failedScript} exited with ${exitCode}` }
  }
  const signal = signalOfExit(exitCode)
  if (signal !== undefined) return { reason: 'killed', message: `it was ended by ${signal}` }
  const hint = how.network === 'none' ? ' (it had no network: see `network`)' : ''
  return { reason: 'exit_nonzero', message: `it exited with ${exitCode}${hint}` }
}

function warningsOf({ end }: HowItEnded): string[] {
  if (!end.isOomKilled || end.exitCode !== 0) return []
  return ['a process of it was killed for want of memory, although it succeeded']
}

/** What an execution amounts to that was told to end, and of whose process nothing is known. Pure. */
export function outcomeOfIntent(intent: StopIntent): Outcome {
  return { exitCode: NO_EXIT_CODE, isOomKilled: false, warnings: [], ...INTENDED[intent] }
}

/** What an execution amounts to that could not be brought to run. */
export function outcomeOfError(error: ErrandError, intent: StopIntent | undefined): Outcome {
  const facts = { exitCode: NO_EXIT_CODE, isOomKilled: false, warnings: [] }
  if (intent === 'cancel') return outcomeOfIntent(intent)
  return { ...facts, status: 'failed', reason: REASON_OF[error.code] ?? 'engine_error', message: error.message }
}

const REASON_OF: Partial<Record<ErrorCode, EndReason>> = {
  image_not_found: 'image_not_found',
  image_auth: 'image_auth',
  image_invalid: 'image_invalid',
  image_pull_timeout: 'image_pull_timeout',
  registry_unavailable: 'registry_unavailable',
  // Its name resolves to where no registry may be asked.
  forbidden: 'registry_unavailable',
  runtime_unavailable: 'runtime_unavailable',
  command_not_found: 'command_not_found',
  not_ready: 'not_ready',
  resources_exhausted: 'queue_timeout',
  storage_full: 'engine_storage_full',
  task_gone: 'container_removed',
}
