import type { WebhookMeter } from '../../webhooks/webhook-meter.ts'
import { Counter, type Registry } from './prom.ts'

/** Webhooks that are over with; those that are outstanding are looked at when somebody scrapes. */
export class WebhookMetrics implements WebhookMeter {
  readonly #settled: Counter<'outcome'>

  constructor(registry: Registry) {
    this.#settled = new Counter({
      name: 'errand_webhooks_total',
      help: 'Webhooks that were delivered, or given up.',
      labelNames: ['outcome'],
      registers: [registry],
    })
    for (const outcome of ['delivered', 'given_up'] as const) this.#settled.inc({ outcome }, 0)
  }

  settled(outcome: 'delivered' | 'given_up'): void {
    this.#settled.inc({ outcome })
  }
}
