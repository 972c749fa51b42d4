/** The kernel's monotonic clock, which all processes of the machine share, in milliseconds. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6
}

const SAMPLING_MS = 3

/**
 * What to subtract from a time since the epoch to get one of `monotonicMs`. `Date` cuts its milliseconds off, so the most
 * that is seen within a few of them comes from just after a cut, and is right.
 */
export function epochOffsetMs(): number {
  const end = monotonicMs() + SAMPLING_MS
  let most = -Infinity
  for (let now = monotonicMs(); now < end; now = monotonicMs()) most = Math.max(most, Date.now() - now)
  return most
}
