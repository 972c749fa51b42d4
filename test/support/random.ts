import type { TestContext } from 'node:test'

/** From 0 up to, but not including, 1. */
export type Random = () => number

/** The same numbers for the same seed: that in `ERRAND_TEST_SEED`, else a new one. It is printed. */
export function seededRandom(t: TestContext): Random {
  // oxlint-disable-next-line node/no-process-env -- a run that failed is repeated with it
  const seed = Number(process.env.ERRAND_TEST_SEED ?? Date.now() % 2 ** 31)
  t.diagnostic(`seed ${seed} (ERRAND_TEST_SEED)`)
  let state = seed
  // Mulberry32.
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
