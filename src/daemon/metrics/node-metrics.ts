import type { Exposition } from '../../http/metrics-face.ts'
import { EngineMetrics } from './engine-metrics.ts'
import { ExecutionMetrics } from './execution-metrics.ts'
import { HttpMetrics } from './http-metrics.ts'
import { JournalMetrics } from './journal-metrics.ts'
import { LaterMetrics } from './later-metrics.ts'
import { addNodeGauges, type NodeReadings } from './node-gauges.ts'
import { addProcessMetrics } from './process-metrics.ts'
import { Registry } from './prom.ts'
import { QueueMetrics } from './queue-metrics.ts'
import { addSlotMetrics, type WatchedSlots } from './slot-metrics.ts'
import { WarmMetrics } from './warm-metrics.ts'
import { WebhookMetrics } from './webhook-metrics.ts'

/** Everything that is measured of one node, in a registry of its own. */
export class NodeMetrics implements Exposition, Disposable {
  readonly contentType: string
  readonly http: HttpMetrics
  readonly queues: QueueMetrics
  readonly warm: WarmMetrics
  readonly executions: ExecutionMetrics
  readonly engine: EngineMetrics
  readonly journal: JournalMetrics
  readonly later: LaterMetrics
  readonly webhooks: WebhookMetrics
  readonly #registry = new Registry()
  readonly #watch: Disposable

  constructor() {
    this.contentType = this.#registry.contentType
    this.http = new HttpMetrics(this.#registry)
    this.queues = new QueueMetrics(this.#registry)
    this.warm = new WarmMetrics(this.#registry, this.queues)
    this.executions = new ExecutionMetrics(this.#registry)
    this.engine = new EngineMetrics(this.#registry)
    this.journal = new JournalMetrics(this.#registry)
    this.later = new LaterMetrics(this.#registry, this.queues)
    this.webhooks = new WebhookMetrics(this.#registry)
    this.#watch = addProcessMetrics(this.#registry)
  }

  /** From now on its state is told, too. Once. */
  watch(readings: NodeReadings): void {
    addNodeGauges(this.#registry, readings)
  }

  /** From now on it is told what of the answers that last is open. Once. */
  watchSlots(slots: WatchedSlots): void {
    addSlotMetrics(this.#registry, slots)
  }

  text(): Promise<string> {
    return this.#registry.metrics()
  }

  [Symbol.dispose](): void {
    this.#watch[Symbol.dispose]()
  }
}
