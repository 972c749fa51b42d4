import type { AdmissionMeter } from '../../admission/admission-request.ts'
import { WORK_SECONDS } from './buckets.ts'
import { Histogram, type Registry } from './prom.ts'

/** What waits on a node: requests for an instance, starts of instances and executions for resources, requests for later for their turn. */
export type QueueName = 'requests' | 'starts' | 'executions' | 'later'

/** How long it was waited. */
export class QueueMetrics implements AdmissionMeter {
  readonly #waits: Histogram<'queue'>

  constructor(registry: Registry) {
    this.#waits = new Histogram({
      name: 'errand_queue_wait_seconds',
      help: 'Time waited for what was granted in the end; starts and executions that found room at once count with 0.',
      labelNames: ['queue'],
      buckets: [...WORK_SECONDS],
      registers: [registry],
    })
  }

  waited(what: 'start' | 'execution', ms: number): void {
    this.note(what === 'start' ? 'starts' : 'executions', ms)
  }

  note(queue: QueueName, ms: number): void {
    this.#waits.observe({ queue }, ms / 1000)
  }
}
