import type { EndReason, ExecutionStatus, TerminalStatus } from '../core/execution.ts'
import type { ExecutionRequest } from '../core/execution-request.ts'
import type { AssignedGpu, GpuRequest } from '../core/gpu.ts'
import type { Resources } from '../core/resources.ts'
import type { PortBinding, SandboxProfile, SandboxStats } from '../engine/engine.ts'
import type { LogCounts } from '../logs/execution-log.ts'
import type { LogEntry, LogRange } from '../logs/log-entry.ts'
import type { WebhookOutcome } from '../webhooks/webhooks.ts'

/**
 * Runs tasks to their end, one execution each, through whatever engine stands behind it. A task that fails is a result;
 * what rejects is a bad request, a refusal or a fault of ours, always an `ErrandError`. Where nothing else is said, an
 * abort stops the waiting and nothing else, and rejects with the signal's reason; `not_found` is the answer for an id
 * that this executor does not know, or has forgotten after its retention.
 *
 * Disposing lets go: what runs is ended and removed, and with it every record.
 */
export interface Executor extends AsyncDisposable {
  getId(): string
  /**
   * Begins an execution, and resolves when it runs (or has run: some are over in a millisecond). When it could not be
   * brought to run the record is kept: `wait` gives its result, with the exit code -1.
   * @throws already_exists when the id is taken, by a running or an ended execution; validation_failed; forbidden;
   * resources_unsatisfiable; runtime_unavailable, also for a type of engine that is not registered; and, after the record
   * was made, what kept it from running: image_not_found, command_not_found, provision_failed is none of them, cancelled ...
   */
  start(request: ExecutionRequest, signal?: AbortSignal): Promise<void>
  /** `start` and `wait` in one. An abort leaves the execution running, unless `cancelOnAbort`. */
  run(request: ExecutionRequest, options?: RunOptions): Promise<ExecutionResult>
  /** The result, as soon as there is one: any number of callers, before and after the end. */
  wait(executionId: string, signal?: AbortSignal): Promise<ExecutionResult>
  /**
   * Ends an execution: its stop signal, then SIGKILL after `graceMs`. Resolves when it has ended; also when that was by
   * itself, just before. One that has not come to run leaves nothing behind.
   * @throws already_ended
   */
  cancel(executionId: string, options?: CancelOptions): Promise<void>
  /** Output of a running or ended execution; see `LogRange`. The iteration rejects with `not_found` for an unknown id. */
  getLogStream(request: LogRequest): AsyncIterable<LogEntry>
  /** All that it knows, oldest first. */
  list(): Promise<ExecutionSummary[]>
  getStatus(executionId: string): Promise<ExecutionStatus>
  /**
   * Resolves once the execution is, or has been since the call, in `status`.
   * @throws deadline_exceeded after `timeoutMs`; already_ended as soon as it can never come to be
   */
  waitForStatus(executionId: string, status: ExecutionStatus, timeoutMs: number, signal?: AbortSignal): Promise<void>
  /** Freezes it. One that is paused already stays so. @throws unsupported; already_ended; not_ready before it runs */
  pause(executionId: string, signal?: AbortSignal): Promise<void>
  /** @throws as `pause` */
  resume(executionId: string, signal?: AbortSignal): Promise<void>
  /**
   * Runs a command inside it, as argv: no shell.
   * @throws validation_failed for an empty command; unsupported; already_ended; not_ready before it runs, and while it is
   * paused; command_not_found; response_too_large when it prints more than 16 MiB on a stream
   */
  exec(executionId: string, argv: readonly string[], signal?: AbortSignal): Promise<ExecOutcome>
  /** What it uses now. @throws already_ended; not_ready before it runs */
  stats(executionId: string, signal?: AbortSignal): Promise<SandboxStats>
  /** Everything that is known of an execution. */
  getInfo(executionId: string): Promise<ExecutionRecord>
  /** Where it can be reached. @throws already_ended; not_ready before it runs; network_unavailable when it has no network */
  getNetInfo(executionId: string, signal?: AbortSignal): Promise<ExecutionNet>
  /** Forgets an execution: cancels it when it has not ended, then removes record, log and results. @throws deadline_exceeded after `timeoutMs` */
  remove(executionId: string, timeoutMs?: number, signal?: AbortSignal): Promise<void>
  /** Ends and removes everything of this executor, also what earlier processes left. Reports what it could not remove. */
  cleanup(signal?: AbortSignal): Promise<CleanupReport>
}

export interface RunOptions {
  readonly signal?: AbortSignal
  readonly cancelOnAbort?: boolean
}

export interface CancelOptions {
  /** Between the stop signal and SIGKILL, 0 or more. Default: the request's, or 10 s. */
  readonly graceMs?: number
  readonly signal?: AbortSignal
}

export interface LogRequest extends LogRange {
  readonly executionId: string
  readonly signal?: AbortSignal
  /** Called, perhaps more than once, when it is known that the log can be read, even where there is no output yet. */
  readonly onOpened?: () => void
}

export interface ExecOutcome {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
  /** The exact bytes, where they are no UTF-8. */
  readonly stdoutBase64?: string
  readonly stderrBase64?: string
}

/** How an execution went, as its caller wants to know it. Times are milliseconds since the Unix epoch. */
export interface ExecutionResult extends ExecutionRecord {
  readonly status: TerminalStatus
  /** The kept output, as text. `getLogStream` has its bytes. */
  readonly stdout: string
  readonly stderr: string
}

export interface ExecutionSummary {
  readonly executionId: string
  readonly jobId: string
  readonly status: ExecutionStatus
  readonly acceptedMs: number
}

export interface ExecutionNet {
  readonly ipAddress: string
  readonly gateway: string
  readonly ports: readonly PortBinding[]
}

export interface CleanupReport {
  readonly removed: readonly string[]
  /** What is still there, and why. */
  readonly failed: readonly { readonly name: string; readonly message: string }[]
}

/** An execution as the journal keeps it: a plain value. */
export interface ExecutionRecord {
  readonly executionId: string
  readonly jobId: string
  readonly executorId: string
  readonly callerId: string
  readonly status: ExecutionStatus
  readonly reason?: EndReason
  /** For people: what went wrong. Empty when nothing did. */
  readonly message: string
  /** From 1. */
  readonly attempt: number
  /** Of its main process; -1 when it could not be run, or ended in a way that has none. */
  readonly exitCode: number
  /** The signal that its main process died of, where the exit code tells one. */
  readonly signal?: string
  readonly isOomKilled: boolean
  /** It had to be killed: it did not end within its grace. */
  readonly wasForced: boolean
  readonly warnings: readonly string[]
  readonly times: ExecutionTimes
  /** What it waits for, and where it stands among those that wait for resources. Not kept. */
  readonly queue?: { readonly position?: number; readonly reason: string }
  /** How far its image has come, while that is fetched. Not kept. */
  readonly pull?: { readonly layers: number; readonly bytes: number; readonly totalBytes: number }
  readonly request: ExecutionRequest
  /** What was decided when it was accepted; absent in records of earlier versions, which go on under today's settings. */
  readonly terms?: ExecutionTerms | undefined
  /** Which configuration the node ran with when it was accepted; absent where nobody has counted them. */
  readonly configVersion?: number
  /** What its caller says that it belongs to, as W3C Trace Context has it. */
  readonly traceparent?: string
  /** What was sent for it: a folder of its own, and how much is in it. */
  readonly upload?: { readonly folder: string; readonly bytes: number; readonly files: number }
  /** Told to end: recorded before it is signalled. */
  readonly intent?: { readonly kind: StopIntent; readonly atMs: number; readonly graceMs: number }
  /** What was last about to be done with its sandbox, recorded before the engine is asked. */
  readonly step?: { readonly name: string; readonly step: 'create' | 'start' | 'stop' | 'remove' }
  /** On which boot of this host, and which run of the engine, its sandbox was made. */
  readonly host?: {
    readonly bootId: string
    readonly engineStartedMs?: number
    /** When it began to run, on the clock that nobody can set; it counts from the boot. */
    readonly runningMonotonicMs?: number
  }
  readonly resources: { readonly asked: AskedResources; readonly used: UsedResources }
  /** Those that it has, or had, for itself. */
  readonly gpus: readonly AssignedGpu[]
  readonly image?: { readonly reference: string; readonly id: string; readonly digest?: string }
  readonly engine: string
  readonly ports: readonly PortBinding[]
  readonly logs: LogCounts
  readonly outputs: readonly CollectedOutput[]
  /** What became of telling its caller's webhook; absent until that is over. */
  readonly webhook?: WebhookOutcome
  /** Where its results are on this host. */
  readonly resultsDir: string
}

/** What an execution was promised, wherever its request did not say. No later setting changes it. */
export interface ExecutionTerms {
  readonly profile: SandboxProfile
  readonly resources: Resources
  /** Absent: the profile's. */
  readonly pidsLimit?: number | undefined
  readonly diskBytes: number
  readonly queueTimeoutMs: number
  readonly pullTimeoutMs: number
  /** Absent: as long as it likes. */
  readonly timeoutMs?: number | undefined
  readonly graceMs: number
  readonly logBytes: number
  readonly outputBytes: number
  readonly outputFiles: number
  readonly retentionMs: number
}

/** Why it was told to end. */
export type StopIntent = 'cancel' | 'run_timeout' | 'disk_limit'

/**
 * When it came into each status for the first time, milliseconds since the Unix epoch. `endedMs` comes last. Of the last
 * attempt, but for `acceptedMs`.
 */
export interface ExecutionTimes {
  readonly acceptedMs: number
  readonly queuedMs?: number
  readonly pullingMs?: number
  readonly creatingMs?: number
  readonly runningMs?: number
  readonly finalizingMs?: number
  readonly endedMs?: number
}

export interface AskedResources {
  readonly cpuMillis: number
  readonly memoryBytes: number
  readonly gpus: readonly GpuRequest[]
  /** Absent: as many as the profile has. */
  readonly pids?: number
  readonly diskBytes: number
}

/** Kinds that the engine could not tell are absent. */
export interface UsedResources {
  readonly cpuSeconds?: number
  readonly memoryPeakBytes?: number
  readonly networkRxBytes?: number
  readonly networkTxBytes?: number
  readonly blockReadBytes?: number
  readonly blockWriteBytes?: number
}

export interface CollectedOutput {
  readonly name: string
  /** Inside the sandbox. */
  readonly path: string
  /** Below `resultsDir`. */
  readonly file: string
  readonly bytes: number
  readonly files: number
  /** Left out: links, devices and other things that are no data, or what came after a limit. */
  readonly skipped: number
}
