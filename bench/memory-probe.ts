/**
 * Loaded into a daemon before its own code (`node --import`): asked over the process's channel, it collects garbage and
 * answers with what is in use then. Memory that waits to be collected says nothing about what stays.
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** In bytes. */
export interface MemoryReport {
  /** Objects of the daemon's main thread, and what they hold outside its heap. */
  readonly inUse: number
}

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as (options: { execution: 'async'; type: 'major' }) => Promise<void>

process.on('message', () => void report())
// To be asked must not keep the daemon alive.
process.channel?.unref()

async function report(): Promise<void> {
  // What finalizers let go is collected by the second.
  for (let round = 0; round < 2; round += 1) await collectGarbage({ execution: 'async', type: 'major' })
  const { heapUsed, external } = process.memoryUsage()
  process.send?.({ inUse: heapUsed + external } satisfies MemoryReport)
}
