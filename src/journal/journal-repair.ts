import type { IdempotencyKey, JournalRecord } from './journal.ts'

export interface SalvagedEntry<R extends JournalRecord> {
  readonly record: R
  readonly key: IdempotencyKey | undefined
}

/** What could still be read of a damaged journal. */
export interface Salvage<R extends JournalRecord> {
  /** In the order in which they were inserted. */
  readonly entries: readonly SalvagedEntry<R>[]
  /** Places at which records were, or may have been, that could not be read; undefined when nothing could be made out. */
  readonly unreadable: number | undefined
}

/** A journal that nobody has open, and that may be damaged. */
export interface JournalRepair<R extends JournalRecord> {
  /** What is wrong with it, for people; undefined when it is sound. @throws storage_error for one of a newer version */
  findDamage(): string | undefined
  /** Puts a copy aside, which is never touched again, and returns where it is; undefined when there is nothing to copy. */
  putAside(): Promise<string | undefined>
  salvage(): Salvage<R>
  /** Makes a new journal with these entries, in one step: a crash before it leaves the old one. Their events are not kept. */
  replace(entries: readonly SalvagedEntry<R>[]): Promise<void>
}
