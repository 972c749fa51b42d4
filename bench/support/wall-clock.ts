/**
 * Milliseconds since the epoch to a fraction. `performance.timeOrigin` is read when a process starts and drifts from the
 * wall clock afterwards; this is taken anew, so that times of several processes can be compared.
 */
export function wallClock(): () => number {
  const tick = Date.now()
  let nowMs = Date.now()
  while (nowMs === tick) nowMs = Date.now()
  const offsetMs = nowMs - performance.now()
  return () => performance.now() + offsetMs
}
