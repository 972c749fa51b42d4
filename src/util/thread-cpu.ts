/** CPU time of the thread that asks, in microseconds since some fixed point. */
export function threadCpuMicros(): number {
  const { user, system } = process.threadCpuUsage()
  return user + system
}
