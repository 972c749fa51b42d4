import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ErrandError } from '../core/errors.ts'
import { ManualClock } from '../core/manual-clock.ts'
import type { DiskUsage } from '../engine/engine.ts'
import { DISK_PERIOD_MS, DiskWatch, type WatchedDisk } from './disk-watch.ts'

const LIMIT = { bytes: 1000, inodes: 10 }
const MINUTE_MS = 60_000

/** A disk in the test's hands. */
class FakeDisk implements WatchedDisk {
  readonly name = 'box'
  readonly limit: DiskUsage = LIMIT
  readonly beyond: DiskUsage[] = []
  usage: DiskUsage = { bytes: 0, inodes: 0 }
  cpu: number | undefined
  looks = 0
  failure: Error | undefined
  /** What a look waits for. */
  until: Promise<void> = Promise.resolve()
  lastSignal: AbortSignal | undefined

  readonly cpuMs = (): number | undefined => this.cpu

  async diskUsage(signal: AbortSignal): Promise<DiskUsage> {
    this.looks += 1
    this.lastSignal = signal
    await this.until
    if (this.failure !== undefined) throw this.failure
    return this.usage
  }

  async onBeyond(used: DiskUsage): Promise<void> {
    this.beyond.push(used)
  }
}

function open() {
  const clock = new ManualClock()
  const warnings: unknown[] = []
  const log = { debug: () => {}, info: () => {}, warn: (facts: unknown) => void warnings.push(facts), error: () => {} }
  return { clock, warnings, watch: new DiskWatch({ clock, log }) }
}

describe('a disk that is watched', () => {
  test('is looked at once a period, and its owner told each time that it is beyond a limit', async () => {
    const { clock, watch } = open()
    const disk = new FakeDisk()
    using _watching = watch.add(disk)
    await clock.advance(DISK_PERIOD_MS)
    assert.deepEqual([disk.looks, disk.beyond], [1, []])
    const many = { bytes: 0, inodes: 11 }
    const large = { bytes: 1001, inodes: 1 }
    for (const usage of [many, large, { bytes: 1000, inodes: 10 }]) {
      disk.usage = usage
      await clock.advance(DISK_PERIOD_MS)
    }
    assert.deepEqual([disk.looks, disk.beyond], [4, [many, large]])
  })

  test('is left alone while its sandbox has used no processor, but for one look every few minutes', async () => {
    const { clock, watch } = open()
    const disk = new FakeDisk()
    disk.cpu = 100
    using _watching = watch.add(disk)
    await clock.advance(MINUTE_MS)
    assert.equal(disk.looks, 1)
    disk.cpu += 5
    await clock.advance(DISK_PERIOD_MS)
    assert.equal(disk.looks, 2)
    await clock.advance(10 * MINUTE_MS)
    assert.equal(disk.looks, 4)
  })

  test('that was beyond its limit is looked at again however quiet its sandbox is: it may live on', async () => {
    const { clock, watch } = open()
    const disk = new FakeDisk()
    disk.cpu = 100
    disk.usage = { bytes: 5000, inodes: 1 }
    using _watching = watch.add(disk)
    await clock.advance(3 * DISK_PERIOD_MS)
    assert.equal(disk.beyond.length, 3)
  })

  test('that takes long to look at is left alone for nine times as long, and keeps no other one waiting', async () => {
    const { clock, watch } = open()
    const slow = new FakeDisk()
    const quick = new FakeDisk()
    const { promise, resolve } = Promise.withResolvers<void>()
    slow.until = promise
    using _slow = watch.add(slow)
    using _quick = watch.add(quick)
    await clock.advance(5 * DISK_PERIOD_MS)
    assert.deepEqual([slow.looks, quick.looks], [1, 5])
    resolve()
    // It took four periods, and has 36 to go.
    await clock.advance(36 * DISK_PERIOD_MS)
    assert.equal(slow.looks, 2)
  })

  test('is looked at again after a look that failed, which is logged once until one works', async () => {
    const { clock, watch, warnings } = open()
    const disk = new FakeDisk()
    disk.cpu = 100
    using _watching = watch.add(disk)
    disk.failure = new ErrandError('engine_unavailable', 'no answer')
    await clock.advance(3 * DISK_PERIOD_MS)
    assert.deepEqual([disk.looks, warnings.length], [3, 1])
    disk.failure = undefined
    await clock.advance(DISK_PERIOD_MS)
    disk.cpu += 5
    disk.failure = new ErrandError('engine_unavailable', 'no answer')
    await clock.advance(DISK_PERIOD_MS)
    assert.deepEqual([disk.looks, warnings.length], [5, 2])
  })
})

test('however many disks are watched there is one timer, and none when there is none', async () => {
  const { clock, watch } = open()
  assert.equal(clock.pendingTimers, 0)
  const disks = Array.from({ length: 100 }, () => new FakeDisk())
  const watching = disks.map((disk) => watch.add(disk))
  await clock.advance(DISK_PERIOD_MS)
  assert.equal(clock.pendingTimers, 1)
  assert.ok(disks.every(({ looks }) => looks === 1))
  for (const each of watching) each[Symbol.dispose]()
  assert.equal(clock.pendingTimers, 0)
  await clock.advance(10 * DISK_PERIOD_MS)
  assert.ok(disks.every(({ looks }) => looks === 1))
})

test('closing the watch ends a look under way, waits for it, and tells nobody of what it still found', async () => {
  const { clock, watch } = open()
  const disk = new FakeDisk()
  const { promise, resolve } = Promise.withResolvers<void>()
  disk.until = promise
  disk.usage = { bytes: 5000, inodes: 1 }
  watch.add(disk)
  await clock.advance(DISK_PERIOD_MS)
  const closed = watch[Symbol.asyncDispose]()
  assert.equal(disk.lastSignal?.aborted, true)
  resolve()
  await closed
  assert.deepEqual([disk.beyond, clock.pendingTimers], [[], 0])
})
