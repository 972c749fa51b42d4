import type { ErrorCode } from '../../core/errors.ts'
import type { EngineMeter } from '../../engine/metered-engine.ts'
import { CALL_SECONDS } from './buckets.ts'
import { Counter, Histogram, type Registry } from './prom.ts'

/** Calls of the engine. */
export class EngineMetrics implements EngineMeter {
  readonly #durations: Histogram<'operation'>
  readonly #failures: Counter<'operation' | 'code'>

  constructor(registry: Registry) {
    this.#durations = new Histogram({
      name: 'errand_engine_call_duration_seconds',
      help: 'Time of calls of the engine, failed ones included.',
      labelNames: ['operation'],
      buckets: [...CALL_SECONDS],
      registers: [registry],
    })
    this.#failures = new Counter({
      name: 'errand_engine_call_failures_total',
      help: 'Calls of the engine that failed, or were given up.',
      labelNames: ['operation', 'code'],
      registers: [registry],
    })
  }

  called(operation: string, ms: number, error: ErrorCode | undefined): void {
    this.#durations.observe({ operation }, ms / 1000)
    if (error !== undefined) this.#failures.inc({ operation, code: error })
  }
}
