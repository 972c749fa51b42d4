import { hasEnded, INVOCATION_STATUSES, type InvocationStatus } from '../../service/invocations/invocation-record.ts'
import type { LaterMeter } from '../../service/invocations/later-meter.ts'
import { WORK_SECONDS } from './buckets.ts'
import { Counter, Histogram, type Registry } from './prom.ts'
import type { QueueMetrics } from './queue-metrics.ts'

/** Requests for later. What of them a task gets is an invocation as any other, too. */
export class LaterMetrics implements LaterMeter {
  readonly #tries: Counter
  readonly #ended: Counter<'status'>
  readonly #durations: Histogram<'status'>
  readonly #queues: QueueMetrics

  constructor(registry: Registry, queues: QueueMetrics) {
    this.#queues = queues
    this.#tries = new Counter({
      name: 'errand_later_tries_total',
      help: 'How often a request for later was begun; one that found no room is begun again.',
      registers: [registry],
    })
    this.#ended = new Counter({
      name: 'errand_later_ended_total',
      help: 'Requests for later that have ended, by their last status.',
      labelNames: ['status'],
      registers: [registry],
    })
    this.#durations = new Histogram({
      name: 'errand_later_duration_seconds',
      help: 'Time from the acceptance of requests for later to their end, by their last status.',
      labelNames: ['status'],
      buckets: [...WORK_SECONDS],
      registers: [registry],
    })
    for (const status of INVOCATION_STATUSES) if (hasEnded({ status })) this.#ended.inc({ status }, 0)
  }

  begun(waitedMs: number | undefined): void {
    this.#tries.inc()
    if (waitedMs !== undefined) this.#queues.note('later', waitedMs)
  }

  ended(status: InvocationStatus, ms: number): void {
    this.#ended.inc({ status })
    this.#durations.observe({ status }, ms / 1000)
  }
}
