import assert from 'node:assert/strict'
import { MIB } from '../core/resources.ts'
import type { ConformanceTest } from './conformance-bench.ts'

const NO_LIMIT = { bytes: Number.MAX_SAFE_INTEGER, inodes: Number.MAX_SAFE_INTEGER }

/** What sandboxes use, while they run and in all. */
export const USAGE_TESTS: Record<string, ConformanceTest> = {
  async 'a sandbox that runs tells what it uses'(bench) {
    const ref = await bench.startReady(bench.images.waits)
    const stats = await bench.engine.stats(ref, bench.signal)
    assert.ok(stats)
    assert.ok(stats.timeMs > 0)
    assert.ok(stats.pids >= 1)
    assert.ok(stats.cpu.totalNs > 0)
    assert.ok(stats.cpu.percent >= 0)
    assert.ok(stats.memory.usageBytes > 0 && stats.memory.usageBytes <= stats.memory.maxBytes)
    assert.equal(stats.memory.limitBytes, 128 * MIB)
  },

  async 'a sandbox that does not run uses nothing'(bench) {
    const ref = await bench.create(bench.images.prints)
    assert.equal(await bench.engine.stats(ref, bench.signal), undefined)
    await bench.engine.start(ref, bench.signal)
    await bench.untilExited(ref)
    assert.equal(await bench.engine.stats(ref, bench.signal), undefined)
  },

  async 'a bill, where there is one, counts what a sandbox that has exited used, and is the same when asked again'(
    bench,
  ) {
    const ref = await bench.runToEnd(bench.images.prints)
    const bill = await bench.engine.bill(ref, bench.signal)
    if (bill === undefined) return
    assert.ok(bill.cpuNs > 0)
    assert.ok(bill.memoryPeakBytes > 0 && bill.memoryPeakBytes <= 128 * MIB)
    assert.ok(bill.blockReadBytes >= 0 && bill.blockWriteBytes >= 0)
    assert.deepEqual(await bench.engine.bill(ref, bench.signal), bill)
  },

  async 'what a sandbox has written to its disk, where that can be seen, is next to nothing at first'(bench) {
    const ref = await bench.startReady(bench.images.waits)
    const usage = await bench.engine.diskUsage(ref, NO_LIMIT, bench.signal)
    if (usage === undefined) return
    assert.ok(usage.bytes >= 0 && usage.bytes < MIB, `${usage.bytes} bytes`)
    assert.ok(usage.inodes >= 0 && usage.inodes < 100, `${usage.inodes} inodes`)
  },
}
