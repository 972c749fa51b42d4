/**
 * Loaded into a daemon before its own code (`node --import`): asked over the process's channel, it collects garbage and
 * answers with what is in use then. Memory that waits to be collected says nothing about what stays.
 */
import { setImmediate } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** In bytes. */
export interface MemoryReport {
  /** Objects of the daemon's main thread, and what they hold outside its heap. */
  readonly inUse: number
}

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as (options: { execution: 'async'; type: 'major' }) => Promise<void>

/** Of a collection that found next to nothing. */
const NOTABLE_BYTES = 64 * 1024
const MOST_ROUNDS = 8

process.on('message', () => void report())
// To be asked must not keep the daemon alive.
process.channel?.unref()

async function report(): Promise<void> {
  process.send?.({ inUse: await collectAll() } satisfies MemoryReport)
}

/** What finalizers let go of is collected by a later round, and they run between two rounds. */
async function collectAll(): Promise<number> {
  let inUse = Number.POSITIVE_INFINITY
  for (let round = 0; round < MOST_ROUNDS; round += 1) {
    await collectGarbage({ execution: 'async', type: 'major' })
    await setImmediate()
    const { heapUsed, external } = process.memoryUsage()
    const before = inUse
    inUse = heapUsed + external
    if (before - inUse < NOTABLE_BYTES) break
  }
  return inUse
}
