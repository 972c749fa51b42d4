import type { Slots } from '../../http/v1/slots.ts'
import { Counter, Gauge, type Registry } from './prom.ts'

/** What lasts, by kind. */
export type WatchedSlots = Readonly<Record<'streams' | 'waits', Pick<Slots, 'reading' | 'limit'>>>

/** Answers that last, each for as long as its reader likes. */
export function addSlotMetrics(registry: Registry, slots: WatchedSlots): void {
  const kinds = Object.entries(slots)
  const shared = { labelNames: ['kind'], registers: [registry] }
  new Gauge({
    ...shared,
    name: 'errand_lasting_answers',
    help: 'Streams and long waits that are open.',
    collect() {
      for (const [kind, { reading }] of kinds) this.set({ kind }, reading.open)
    },
  })
  new Gauge({
    ...shared,
    name: 'errand_lasting_answers_limit',
    help: 'How many of them may be.',
    collect() {
      for (const [kind, { limit }] of kinds) this.set({ kind }, limit)
    },
  })
  new Counter({
    ...shared,
    name: 'errand_lasting_answers_refused_total',
    help: 'Streams and long waits that were refused, since too many were open.',
    collect() {
      this.reset()
      for (const [kind, { reading }] of kinds) this.inc({ kind }, reading.refused)
    },
  })
}
