import { addResources, RESOURCE_KINDS, type Resources, subtractResources } from '../core/resources.ts'

/** An idle instance that may be removed to make room. */
export interface Evictable {
  readonly resources: Resources
  /** What keeping it is worth, see `keepValue`. The least valuable goes first. */
  readonly value: number
  /**
   * Begins the removal. Before it returns, the instance has to be out of the list of idle ones and its lease marked as
   * returning, or another one would be evicted for the same shortage. Must not throw. `short`: what there was too little of,
   * for the log.
   */
  evict(short: readonly string[]): void
}

export interface KeepFacts {
  /** The aging clock, see `agedClock`. */
  readonly clock: number
  /** Requests served since the start. */
  readonly uses: number
  /** What another start would cost. */
  readonly coldStartMs: number
  readonly memoryBytes: number
}

/**
 * Greedy-Dual-Size-Frequency: worth is what a cold start would cost, as often as it would be paid, per byte held. To be
 * computed when an instance becomes idle and kept until its next use: the `clock` at that time is how recent use counts.
 */
export function keepValue({ clock, uses, coldStartMs, memoryBytes }: KeepFacts): number {
  return clock + (uses * coldStartMs) / Math.max(1, memoryBytes)
}

/**
 * The aging clock starts at 0 and moves to the value of whatever was evicted last. Values computed from then on start
 * there, so an instance that was popular long ago is overtaken by those used since, without any value being touched.
 */
export function agedClock(clock: number, evictedValue: number): number {
  return Math.max(clock, evictedValue)
}

/**
 * The least valuable candidates that together cover `shortfall`, without one that is not needed for it; undefined when
 * even all of them would not do, so that nobody is evicted in vain.
 */
export function chooseEvictions(candidates: readonly Evictable[], shortfall: Resources): Evictable[] | undefined {
  const picks: Evictable[] = []
  let missing = shortfall
  for (const candidate of [...candidates].sort((a, b) => a.value - b.value)) {
    if (isCovered(missing)) break
    if (!RESOURCE_KINDS.some((kind) => missing[kind] > 0 && candidate.resources[kind] > 0)) continue
    picks.push(candidate)
    missing = subtractResources(missing, candidate.resources)
  }
  return isCovered(missing) ? withoutUnneeded(picks, missing) : undefined
}

/** Spares picks that a later, bigger one made unnecessary, the most valuable ones first. `missing` is zero or less. */
function withoutUnneeded(picks: readonly Evictable[], missing: Resources): Evictable[] {
  const needed: Evictable[] = []
  let rest = missing
  for (const pick of picks.toReversed()) {
    const without = addResources(rest, pick.resources)
    if (isCovered(without)) rest = without
    else needed.unshift(pick)
  }
  return needed
}

function isCovered(missing: Resources): boolean {
  return RESOURCE_KINDS.every((kind) => missing[kind] <= 0)
}
