import type { ErrorCode } from '../../core/errors.ts'
import type { StartPhase, StartPhases } from '../../instance/start-phases.ts'
import type { InvocationMeter } from '../../service/invocation-meter.ts'
import type { PoolMeter, RemovalReason } from '../../warm/pool-meter.ts'
import { CALL_SECONDS } from './buckets.ts'
import { Counter, Histogram, type Registry } from './prom.ts'
import type { QueueMetrics } from './queue-metrics.ts'

/** Invocations, and the warm instances that answer them. */
export class WarmMetrics implements InvocationMeter, PoolMeter {
  readonly #invocations: Counter<'outcome'>
  readonly #starts: Counter<'outcome'>
  readonly #phases: Histogram<'phase'>
  readonly #whole: Histogram
  readonly #left: Counter<'reason'>
  readonly #queues: QueueMetrics

  constructor(registry: Registry, queues: QueueMetrics) {
    this.#queues = queues
    this.#invocations = new Counter({
      name: 'errand_invocations_total',
      help: 'Invocations that are over: answered by their task, whatever its status, or the code of what prevented it.',
      labelNames: ['outcome'],
      registers: [registry],
    })
    this.#starts = new Counter({
      name: 'errand_cold_starts_total',
      help: 'Starts of warm instances: ready, or the code of what went wrong.',
      labelNames: ['outcome'],
      registers: [registry],
    })
    this.#phases = new Histogram({
      name: 'errand_cold_start_phase_seconds',
      help: 'Where the time of successful cold starts went.',
      labelNames: ['phase'],
      buckets: [...CALL_SECONDS],
      registers: [registry],
    })
    this.#whole = new Histogram({
      name: 'errand_cold_start_seconds',
      help: 'Time of successful cold starts, all phases together.',
      buckets: [...CALL_SECONDS],
      registers: [registry],
    })
    this.#left = new Counter({
      name: 'errand_warm_instances_left_total',
      help: 'Warm instances that were removed, or died.',
      labelNames: ['reason'],
      registers: [registry],
    })
  }

  ended(outcome: 'answered' | ErrorCode): void {
    this.#invocations.inc({ outcome })
  }

  started(phases: StartPhases): void {
    this.#starts.inc({ outcome: 'ready' })
    for (const [phase, ms] of phases.spentMs) this.#phases.observe({ phase: PHASES[phase] }, ms / 1000)
    this.#whole.observe(phases.totalMs / 1000)
  }

  startFailed(code: ErrorCode): void {
    this.#starts.inc({ outcome: code })
  }

  left(reason: RemovalReason | 'died'): void {
    this.#left.inc({ reason })
  }

  waited(ms: number): void {
    this.#queues.note('requests', ms)
  }
}

/** Labels are written as everything of Prometheus is. */
const PHASES: Record<StartPhase, string> = {
  image: 'image',
  queue: 'lease',
  create: 'create',
  start: 'start',
  ready: 'ready',
  firstByte: 'first_byte',
}
