/** Told of each durable commit. Must not throw. */
export interface JournalMeter {
  /** @param changes records that were inserted, changed or removed by it. @param ms from its handing over until it was kept */
  committed(changes: number, ms: number): void
}
