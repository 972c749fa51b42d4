import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ManualClock } from '../core/manual-clock.ts'

import { type DiskSpace, probeDisk } from './disk-space.ts'
import { LowWaterMark } from './low-water-mark.ts'

const GIB = 2 ** 30
const ROOMY: DiskSpace = { totalBytes: 100 * GIB, freeBytes: 50 * GIB, freeInodes: 0.5 }

/** A watch over two disks that a test can change. */
class Bench {
  readonly clock: ManualClock = new ManualClock()
  state: DiskSpace | undefined = ROOMY
  engine: DiskSpace | undefined = ROOMY
  looks = 0
  readonly watch: LowWaterMark

  constructor(minFreeBytes?: number) {
    const state = async (): Promise<DiskSpace | undefined> => {
      this.looks += 1
      return this.state
    }
    const disks = { 'state folder': state, engine: async () => this.engine }
    this.watch = new LowWaterMark({ disks, clock: this.clock, minFreeBytes })
  }

  async refused(words: RegExp): Promise<void> {
    await assert.rejects(this.watch.assertRoom(), { code: 'storage_full', message: words, retryAfterMs: 30_000 })
  }
}

describe('F19: new work', () => {
  test('is taken while there is room on every disk', async () => {
    await new Bench().watch.assertRoom()
  })

  test('is refused below a tenth of a small disk', async () => {
    const bench = new Bench()
    bench.engine = { totalBytes: 10 * GIB, freeBytes: GIB }
    await bench.watch.assertRoom()
    bench.engine = { totalBytes: 10 * GIB, freeBytes: GIB - 1 }
    await bench.clock.advance(1000)
    await bench.refused(/the disk of the engine has 1073741823 bytes left/)
  })

  test('is refused below 5 GiB of a large disk', async () => {
    const bench = new Bench()
    bench.state = { totalBytes: 1000 * GIB, freeBytes: 5 * GIB }
    await bench.watch.assertRoom()
    bench.state = { totalBytes: 1000 * GIB, freeBytes: 5 * GIB - 1 }
    await bench.clock.advance(1000)
    await bench.refused(/state folder/)
  })

  test('is refused below the mark that was set', async () => {
    const bench = new Bench(60 * GIB)
    await bench.refused(/fewer than the 64424509440/)
  })

  test('is refused when inodes run out', async () => {
    const bench = new Bench()
    bench.state = { ...ROOMY, freeInodes: 0.049 }
    await bench.refused(/4\.9 % of its inodes/)
  })

  test('is taken again once there is room, and disks are looked at once a second', async () => {
    const bench = new Bench()
    bench.state = { ...ROOMY, freeBytes: 0 }
    await bench.refused(/state folder/)
    bench.state = ROOMY
    await bench.clock.advance(999)
    await bench.refused(/state folder/)
    assert.equal(bench.looks, 1)
    await bench.clock.advance(1)
    await Promise.all([bench.watch.assertRoom(), bench.watch.assertRoom()])
    assert.equal(bench.looks, 2)
  })

  test('is taken where nobody can look', async () => {
    const bench = new Bench()
    bench.state = undefined
    bench.engine = undefined
    await bench.watch.assertRoom()
  })
})

test('a probe tells bytes and inodes of a real disk', async () => {
  const space = await probeDisk('/')()
  assert.ok(space !== undefined && space.freeBytes > 0 && space.freeBytes <= space.totalBytes)
  assert.ok(space.freeInodes === undefined || (space.freeInodes > 0 && space.freeInodes <= 1))
  assert.equal(await probeDisk('/no/such/folder')(), undefined)
})
