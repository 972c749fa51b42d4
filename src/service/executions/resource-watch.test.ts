import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SandboxBill, SandboxStats } from '../../engine/engine.ts'
import { ResourceWatch, type SeenSandbox } from './resource-watch.ts'

const NEVER = new AbortController().signal
const LIMIT = { bytes: 100, inodes: 10 }
const BILL: SandboxBill = { cpuNs: 2e9, memoryPeakBytes: 20, blockReadBytes: 3, blockWriteBytes: 4 }
const NO_TRAFFIC = { packets: 0, errors: 0, dropped: 0 }
const STATS: SandboxStats = {
  timeMs: 0,
  cpu: { totalNs: 1e9, kernelNs: 0, userNs: 1e9, percent: 0 },
  memory: { usageBytes: 5, maxBytes: 10, limitBytes: 100 },
  network: { rx: { ...NO_TRAFFIC, bytes: 7 }, tx: { ...NO_TRAFFIC, bytes: 8 } },
  blockIo: { readBytes: 1, writeBytes: 2 },
  pids: 1,
}

/** Tells what it was asked for. */
function sandbox(bill: SandboxBill | undefined, bytes = 1): SeenSandbox & { readonly asked: string[] } {
  const asked: string[] = []
  const tell = <T>(what: string, answer: T): Promise<T> => {
    asked.push(what)
    return Promise.resolve(answer)
  }
  return {
    asked,
    diskUsage: () => tell('disk', { bytes, inodes: 1 }),
    bill: () => tell('bill', bill),
    stats: () => tell('stats', STATS),
  }
}

test('no statistics are asked for where a bill tells all that there is to know', async () => {
  const watch = new ResourceWatch(false)
  const seen = sandbox(BILL)
  assert.deepEqual(await watch.look(seen, LIMIT, NEVER), { bytes: 1, inodes: 1 })
  assert.deepEqual(seen.asked, ['disk', 'bill'])
  const used = { cpuSeconds: 2, memoryPeakBytes: 20, blockReadBytes: 3, blockWriteBytes: 4 }
  assert.deepEqual(watch.used({ ...BILL, cpuNs: 5e9 }), { ...used, cpuSeconds: 5 })
  assert.deepEqual(watch.used(undefined), used)
})

test('statistics tell what no bill does: the network, or everything where there is none', async () => {
  const networked = new ResourceWatch(true)
  await networked.look(sandbox(BILL), LIMIT, NEVER)
  assert.deepEqual(networked.used(BILL), {
    networkRxBytes: 7,
    networkTxBytes: 8,
    cpuSeconds: 2,
    memoryPeakBytes: 20,
    blockReadBytes: 3,
    blockWriteBytes: 4,
  })
  const unbilled = new ResourceWatch(false)
  assert.deepEqual(unbilled.used(undefined), {})
  await unbilled.look(sandbox(undefined), LIMIT, NEVER)
  assert.equal(unbilled.used(undefined).cpuSeconds, 1)
})

test('what is beyond its limit is told at once', async () => {
  const seen = sandbox(undefined, 101)
  assert.deepEqual(await new ResourceWatch(true).look(seen, LIMIT, NEVER), { bytes: 101, inodes: 1 })
  assert.deepEqual(seen.asked, ['disk'])
})
