import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { describe, test } from 'node:test'
import { scale } from '../../test/support/scale.ts'
import { settle } from '../core/manual-clock.ts'
import type { ExecutionLog } from './execution-log.ts'
import type { LogEntry } from './log-entry.ts'
import { bytesOf, entriesOf, findHole, LogKit } from './log-kit.fixture.ts'

const MIB = 1024 * 1024

async function openFiles(): Promise<number> {
  return (await readdir('/proc/self/fd')).length
}

/** Follows to the end, with so many turns of the event loop for each entry. */
async function follow(log: ExecutionLog, turns: number): Promise<LogEntry[]> {
  const entries: LogEntry[] = []
  for await (const entry of log.read({ follow: true })) {
    entries.push(entry)
    for (let turn = 0; turn < turns; turn += 1) await settle()
  }
  return entries
}

function sizeOf(entries: readonly LogEntry[]): number {
  return entries.reduce((sum, { data, gap }) => sum + data.length + (gap?.bytes ?? 0), 0)
}

describe('readers of a log that is being written', () => {
  test('at different paces all get everything, in bytes or in gaps; one that never reads holds up nobody', async () => {
    const before = await openFiles()
    {
      await using kit = await LogKit.open({ limitBytes: 256 * 1024 })
      const idle = kit.log.read({ follow: true })
      const leaving = new AbortController()
      const stalled = kit.log.read({ follow: true }, leaving.signal)
      const readers = Array.from({ length: 18 }, (_, index) => follow(kit.log, index))
      const chunk = Buffer.alloc(10_000, 'some output\n')
      for (let count = 0; count < 300; count += 1) {
        kit.log.append('stdout', chunk)
        await (count % 10 === 0 ? kit.log.written() : settle())
        if (count === 5) await stalled.next()
      }
      await kit.log.end()
      for (const entries of await Promise.all(readers)) {
        assert.equal(sizeOf(entries), 3_000_000)
        assert.equal(findHole(entries), undefined)
      }
      leaving.abort(new Error('leaving'))
      await assert.rejects(stalled.next(), /leaving/)
      await idle.return?.(undefined)
    }
    assert.equal(await openFiles(), before)
  })

  test('that leave early leave no file open, at whatever point', async () => {
    const before = await openFiles()
    {
      await using kit = await LogKit.open({ limitBytes: MIB })
      kit.log.append('stdout', Buffer.alloc(MIB, 'x'))
      for (let count = 0; count < 10; count += 1) {
        let left = count
        for await (const _entry of kit.log.read({ follow: true })) if (left-- === 0) break
      }
      await kit.log.end()
      assert.equal(await openFiles(), before)
    }
    assert.equal(await openFiles(), before)
  })

  test('keep exact bytes of 50 MB without a line feed, NULs included', async () => {
    await using kit = await LogKit.open({ limitBytes: 200 * MIB })
    const chunk = Buffer.alloc(64 * 1024, Buffer.from([0, 1, 0xff, 0xc3, 0x1b, 0, 0]))
    let read = 0
    const reading = (async () => {
      for await (const { data } of kit.log.read({ follow: true })) {
        const expected = Buffer.alloc(data.length + 7, chunk.subarray(0, 7))
        const shift = (read % chunk.length) % 7
        if ((read % chunk.length) + data.length <= chunk.length)
          assert.ok(data.equals(expected.subarray(shift, shift + data.length)))
        read += data.length
      }
    })()
    for (let count = 0; count < 800; count += 1) {
      kit.log.append('stdout', chunk)
      if (count % 16 === 0) await kit.log.written()
    }
    await kit.log.end()
    await reading
    assert.equal(read, 800 * chunk.length)
    assert.equal((await entriesOf(kit.log, { tail: 1, stream: 'stderr' })).length, 0)
    assert.equal(bytesOf(await entriesOf(kit.log, { tail: 1 })).length, read)
  })

  test('F46: a flood costs a bounded amount of memory and disk, and is counted to the byte', async () => {
    const total = scale(192 * MIB, 1024 * MIB)
    await using kit = await LogKit.open({ limitBytes: 2 * MIB })
    const slow = follow(kit.log, 50)
    const chunk = Buffer.alloc(64 * 1024, 'flood\n')
    const before = process.memoryUsage().rss
    let most = 0
    for (let printed = 0; printed < total; printed += chunk.length) {
      kit.log.append('stdout', chunk)
      // The pace of a socket: the writer is let in, not waited for.
      if (printed % MIB === 0) await settle()
      if (printed % (8 * MIB) === 0) most = Math.max(most, process.memoryUsage().rss)
    }
    await kit.log.end()
    assert.ok(most - before < 50 * MIB, `${Math.round((most - before) / MIB)} MiB more`)
    assert.equal(kit.log.totals.stdoutBytes, total)
    const entries = await entriesOf(kit.log)
    assert.equal(bytesOf(entries).length + kit.log.totals.droppedBytes, total)
    assert.equal(sizeOf(entries), total)
    assert.equal(sizeOf(await slow), total)
  })
})
