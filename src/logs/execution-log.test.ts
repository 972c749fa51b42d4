import assert from 'node:assert/strict'
import { readdir, stat } from 'node:fs/promises'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { scale } from '../../test/support/scale.ts'
import { settle } from '../core/manual-clock.ts'
import { bytesOf, entriesOf, findHole, LogKit } from './log-kit.fixture.ts'

const piece = fc.record({
  stream: fc.constantFrom('stdout' as const, 'stderr' as const),
  data: fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
  /** Something happens before the next one. */
  turn: fc.boolean(),
})

describe('the log of an execution', () => {
  test('gives back every byte of both streams, however they came', async () => {
    const property = fc.asyncProperty(fc.array(piece, { maxLength: 60 }), async (pieces) => {
      await using kit = await LogKit.open()
      const following = entriesOf(kit.log, { follow: true })
      for (const { stream, data, turn } of pieces) {
        kit.log.append(stream, data)
        if (turn) await settle()
      }
      await kit.log.end()
      const entries = await entriesOf(kit.log)
      for (const stream of ['stdout', 'stderr'] as const) {
        const printed = Buffer.concat(pieces.filter((one) => one.stream === stream).map(({ data }) => data))
        assert.deepEqual(bytesOf(entries, stream), printed)
        assert.deepEqual(bytesOf(await following, stream), printed)
        assert.deepEqual(bytesOf(await entriesOf(kit.log, { stream })), printed)
        assert.equal(kit.log.totals[`${stream}Bytes`], printed.length)
      }
      assert.equal(findHole(entries), undefined)
    })
    await fc.assert(property, { numRuns: scale(30, 500) })
  })

  test('keeps all bytes up to its limit, and both ends of what is longer', async () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 90 }), { maxLength: 60 })
    const property = fc.asyncProperty(fc.integer({ min: 0, max: 600 }), sizes, async (limitBytes, lengths) => {
      await using kit = await LogKit.open({ limitBytes })
      let printed = Buffer.alloc(0)
      for (const length of lengths) {
        const data = Buffer.from(Array.from({ length }, (_, index) => (printed.length + index) % 251))
        printed = Buffer.concat([printed, data])
        kit.log.append(printed.length % 2 === 0 ? 'stdout' : 'stderr', data)
        if (length % 3 === 0) await settle()
      }
      await kit.log.end()
      const entries = await entriesOf(kit.log)
      const kept = bytesOf(entries)
      const gap = entries.find((entry) => entry.gap !== undefined)
      assert.equal(findHole(entries), undefined)
      assert.equal(kit.log.totals.droppedBytes, printed.length - kept.length)
      if (printed.length <= limitBytes) assert.deepEqual(kept, printed)
      else {
        const head = Math.floor(limitBytes / 2)
        assert.equal(gap?.gap?.bytes, printed.length - kept.length)
        assert.deepEqual(kept.subarray(0, head), printed.subarray(0, head))
        assert.deepEqual(kept.subarray(head), printed.subarray(printed.length - kept.length + head))
        assert.ok(kept.length <= limitBytes)
        assert.ok(kept.length - head >= Math.floor(((limitBytes - head) * 7) / 8), `${kept.length} of ${limitBytes}`)
      }
    })
    await fc.assert(property, { numRuns: scale(60, 1000) })
  })

  test('lies in a folder that is open to its owner alone', async () => {
    await using kit = await LogKit.open()
    kit.log.append('stdout', Buffer.from('x'))
    await kit.log.end()
    assert.equal((await stat(kit.options.folder)).mode & 0o777, 0o700)
    assert.deepEqual(await readdir(kit.options.folder), ['head'])
  })
})
