import { readFile } from 'node:fs/promises'

/** Of the kernel, for every architecture that Node runs on. */
const CPU_TICKS_PER_SECOND = 100

/** User and system time of a process so far. */
export async function cpuSeconds(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
  // The name, in parentheses, may hold spaces; the fields after it begin with the third.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / CPU_TICKS_PER_SECOND
}

/** What a process has in memory, and what of it no file holds: that goes with it. */
export async function residentMemory(pid: number): Promise<{ readonly bytes: number; readonly ownBytes: number }> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  const field = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) * 1024
  return { bytes: field('VmRSS'), ownBytes: field('RssAnon') }
}
