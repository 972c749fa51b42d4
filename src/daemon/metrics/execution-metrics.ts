import { type ExecutionStatus, isTerminal } from '../../core/execution.ts'
import type { ExecutionWatcher } from '../../service/executions/execution-watcher.ts'
import type { ExecutionRecord } from '../../service/executor.ts'
import { WORK_SECONDS } from './buckets.ts'
import { Counter, Gauge, Histogram, type Registry } from './prom.ts'

const LIVE: readonly ExecutionStatus[] = [
  'accepted',
  'queued',
  'pulling',
  'creating',
  'running',
  'paused',
  'finalizing',
]

/** Executions that live in this process, and those that have ended in it. */
export class ExecutionMetrics implements ExecutionWatcher {
  readonly #live = new Map<ExecutionStatus, number>(LIVE.map((status) => [status, 0]))
  readonly #ended: Counter<'status' | 'reason'>
  readonly #retries: Counter
  readonly #durations: Histogram<'status'>

  constructor(registry: Registry) {
    const live = this.#live
    new Gauge({
      name: 'errand_executions',
      help: 'Executions that have not ended, by status.',
      labelNames: ['status'],
      registers: [registry],
      collect() {
        for (const [status, count] of live) this.set({ status }, count)
      },
    })
    this.#ended = new Counter({
      name: 'errand_executions_ended_total',
      help: 'Executions that have ended, by their last status and its reason.',
      labelNames: ['status', 'reason'],
      registers: [registry],
    })
    this.#retries = new Counter({
      name: 'errand_execution_retries_total',
      help: 'Further attempts at executions that may be run more than once.',
      registers: [registry],
    })
    this.#durations = new Histogram({
      name: 'errand_execution_duration_seconds',
      help: 'Time from the acceptance of executions to their end, by their last status.',
      labelNames: ['status'],
      buckets: [...WORK_SECONDS],
      registers: [registry],
    })
  }

  began({ status }: ExecutionRecord): void {
    this.#count(status, 1)
  }

  moved(record: ExecutionRecord, before: ExecutionRecord): void {
    const { status, reason = 'none', times } = record
    this.#count(before.status, -1)
    if (record.attempt > before.attempt) this.#retries.inc()
    if (!isTerminal(status)) {
      this.#count(status, 1)
      return
    }
    this.#ended.inc({ status, reason })
    // By the wall clock, which may have been set back.
    const ms = Math.max(0, (times.endedMs ?? times.acceptedMs) - times.acceptedMs)
    this.#durations.observe({ status }, ms / 1000)
  }

  #count(status: ExecutionStatus, by: 1 | -1): void {
    this.#live.set(status, (this.#live.get(status) ?? 0) + by)
  }
}
