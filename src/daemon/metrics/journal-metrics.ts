import type { JournalMeter } from '../../journal/journal-meter.ts'
import { CALL_SECONDS } from './buckets.ts'
import { Counter, Histogram, type Registry } from './prom.ts'

/** Durable commits of the journal. */
export class JournalMetrics implements JournalMeter {
  readonly #durations: Histogram
  readonly #changes: Counter

  constructor(registry: Registry) {
    this.#durations = new Histogram({
      name: 'errand_journal_commit_duration_seconds',
      help: 'Time of commits of the journal, from their handing over until they were kept.',
      buckets: [...CALL_SECONDS],
      registers: [registry],
    })
    this.#changes = new Counter({
      name: 'errand_journal_changes_total',
      help: 'Records of the journal that were inserted, changed or removed; many share one commit.',
      registers: [registry],
    })
  }

  committed(changes: number, ms: number): void {
    this.#durations.observe(ms / 1000)
    this.#changes.inc(changes)
  }
}
