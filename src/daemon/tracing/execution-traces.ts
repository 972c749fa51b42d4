import { createHash } from 'node:crypto'
import type { Clock } from '../../core/clock.ts'
import { type ExecutionStatus, isTerminal } from '../../core/execution.ts'
import { parseTraceparent, type TraceContext } from '../../core/trace-context.ts'
import type { ExecutionWatcher } from '../../service/executions/execution-watcher.ts'
import type { ExecutionRecord } from '../../service/executor.ts'
import { childContext, rootContext } from './sampling.ts'
import type { SpanSink } from './span.ts'

export interface ExecutionTracesDeps {
  readonly sink: SpanSink
  readonly clock: Clock
  readonly sampleRatio: number
}

/** Followed from the acceptance to the end, whichever processes that takes. */
interface Followed {
  readonly context: TraceContext
  readonly parent: TraceContext | undefined
  /** When it came into its present status. */
  sinceMs: number
}

/**
 * A span for each execution, and one in it for each status that it has been in. Their ids follow from the record, so that
 * the spans of a process that takes an execution up belong to those of the one before.
 */
export class ExecutionTraces implements ExecutionWatcher {
  readonly #deps: ExecutionTracesDeps
  readonly #followed = new Map<string, Followed>()

  constructor(deps: ExecutionTracesDeps) {
    this.#deps = deps
  }

  began(record: ExecutionRecord): void {
    const parent = record.traceparent === undefined ? undefined : parseTraceparent(record.traceparent)
    const context = contextOf(record, parent, this.#deps.sampleRatio)
    if (context.isSampled) this.#followed.set(record.executionId, { context, parent, sinceMs: since(record) })
  }

  moved(record: ExecutionRecord, before: ExecutionRecord): void {
    const followed = this.#followed.get(record.executionId)
    if (followed === undefined) return
    const nowMs = this.#deps.clock.wallMs()
    this.#addStatus(followed, before, nowMs)
    followed.sinceMs = nowMs
    if (!isTerminal(record.status)) return
    this.#followed.delete(record.executionId)
    this.#addWhole(followed, record, nowMs)
  }

  #addStatus({ context, sinceMs }: Followed, { status, attempt }: ExecutionRecord, endMs: number): void {
    this.#deps.sink.add({
      name: status,
      kind: 'internal',
      context: childContext(context),
      parent: context,
      startMs: sinceMs,
      endMs,
      attributes: { 'errand.execution.attempt': attempt },
    })
  }

  #addWhole({ context, parent }: Followed, record: ExecutionRecord, endMs: number): void {
    const { executionId, jobId, status, reason, attempt, engine, exitCode, request, times } = record
    this.#deps.sink.add({
      name: 'execution',
      kind: 'server',
      context,
      parent,
      startMs: times.acceptedMs,
      endMs,
      attributes: {
        'errand.execution.id': executionId,
        'errand.execution.job': jobId,
        'errand.execution.status': status,
        'errand.execution.reason': reason,
        'errand.execution.attempt': attempt,
        'errand.execution.exit_code': exitCode,
        'errand.engine': engine,
        'errand.isolation': request.isolation ?? 'container',
      },
      error: status === 'succeeded' || status === 'cancelled' ? undefined : (reason ?? status),
    })
  }
}

function contextOf(record: ExecutionRecord, parent: TraceContext | undefined, sampleRatio: number): TraceContext {
  const { executorId, executionId, times } = record
  const digest = createHash('sha256').update(`${executorId}\n${executionId}\n${times.acceptedMs}`).digest('hex')
  const spanId = digest.slice(32, 48)
  return parent === undefined ? rootContext(digest.slice(0, 32), spanId, sampleRatio) : childContext(parent, spanId)
}

const TIME_OF: Partial<Record<ExecutionStatus, keyof ExecutionRecord['times']>> = {
  queued: 'queuedMs',
  pulling: 'pullingMs',
  creating: 'creatingMs',
  running: 'runningMs',
  finalizing: 'finalizingMs',
}

/** As far as its record tells: of a pause only that it came after the start. */
function since({ status, times }: ExecutionRecord): number {
  const time = TIME_OF[status === 'paused' ? 'running' : status]
  return (time === undefined ? undefined : times[time]) ?? times.acceptedMs
}
