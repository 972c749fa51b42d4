import assert from 'node:assert/strict'
import { appendFile, readFile, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { scale } from '../../test/support/scale.ts'
import { bytesOf, entriesOf, findHole, LogKit } from './log-kit.fixture.ts'

describe('a log of an earlier process', () => {
  test('has all but the last frame when that was torn, at whatever byte', async () => {
    await using kit = await LogKit.open()
    kit.log.append('stdout', Buffer.from('whole '))
    await kit.log.written()
    const { length: wholeBytes } = await readFile(join(kit.options.folder, 'head'))
    kit.log.append('stdout', Buffer.from('torn away'))
    await kit.log.written()
    await kit.log.close()
    const file = await readFile(join(kit.options.folder, 'head'))
    for (let left = wholeBytes; left < file.length; left += 1) {
      await writeFile(join(kit.options.folder, 'head'), file.subarray(0, left))
      const log = await kit.reopen()
      assert.equal(log.isEnded, false)
      assert.equal(log.totals.stdoutBytes, 6)
      log.append('stdout', Buffer.from('and on'))
      await log.end()
      const entries = await entriesOf(log, { follow: true })
      assert.equal(bytesOf(entries).toString(), 'whole and on')
      assert.equal(findHole(entries), undefined)
    }
  })

  test('goes on from nothing when not even the beginning of its file was written', async () => {
    await using kit = await LogKit.open()
    kit.log.append('stdout', Buffer.from('x'))
    await kit.log.written()
    await kit.log.close()
    const file = await readFile(join(kit.options.folder, 'head'))
    const startBytes = file.length - 'x'.length - 12
    for (let left = 0; left < startBytes; left += 1) {
      await writeFile(join(kit.options.folder, 'head'), file.subarray(0, left))
      const log = await kit.reopen()
      assert.deepEqual(await entriesOf(log), [])
      log.append('stdout', Buffer.from('anew'))
      await log.written()
      assert.equal(bytesOf(await entriesOf(log)).toString(), 'anew')
    }
  })

  test('takes zeros at its end, as a power failure leaves them, for nothing', async () => {
    await using kit = await LogKit.open()
    kit.log.append('stdout', Buffer.from('kept'))
    await kit.log.written()
    await kit.log.close()
    await appendFile(join(kit.options.folder, 'head'), Buffer.alloc(5000))
    const log = await kit.reopen()
    log.append('stdout', Buffer.from(' on'))
    await log.end()
    assert.equal(bytesOf(await entriesOf(await kit.reopen())).toString(), 'kept on')
  })

  test('is what it was: entries, counts, and whether it has ended', async () => {
    const lengths = fc.array(fc.integer({ min: 1, max: 200 }), { maxLength: 40 })
    const property = fc.asyncProperty(
      lengths,
      fc.integer({ min: 0, max: 1500 }),
      fc.boolean(),
      async (parts, limitBytes, ends) => {
        await using kit = await LogKit.open({ limitBytes })
        for (const [index, length] of parts.entries()) {
          if (index === 7) kit.log.noteGap(3)
          kit.log.append(index % 3 === 0 ? 'stderr' : 'stdout', Buffer.alloc(length, index))
          await kit.log.written()
        }
        if (ends) await kit.log.end()
        const [entries, totals] = [await entriesOf(kit.log), kit.log.totals]
        const log = await kit.reopen()
        assert.equal(log.isEnded, ends)
        // What nothing at all is kept of is only remembered by an ended log.
        if (limitBytes > 1 || ends) {
          assert.deepEqual(await entriesOf(log), entries)
          assert.deepEqual(log.totals, totals)
        }
      },
    )
    await fc.assert(property, { numRuns: scale(50, 1000) })
  })

  test('goes on with its tail where it was', async () => {
    await using kit = await LogKit.open({ limitBytes: 400 })
    let printed = ''
    for (let line = 0; line < 200; line += 1) {
      const text = `line ${line}\n`
      printed += text
      kit.log.append('stdout', Buffer.from(text))
      await kit.log.written()
      if (line % 7 === 0) await kit.reopen()
    }
    await kit.log.end()
    const entries = await entriesOf(kit.log)
    const kept = bytesOf(entries).toString()
    assert.equal(findHole(entries), undefined)
    assert.equal(kept.slice(0, 200), printed.slice(0, 200))
    assert.ok(kept.length > 370 && kept.length <= 400 && printed.endsWith(kept.slice(200)))
    assert.equal(kit.log.totals.droppedBytes, printed.length - kept.length)
  })

  test('has a gap where a file in the middle was cut', async () => {
    await using kit = await LogKit.open({ limitBytes: 400 })
    kit.log.append('stdout', Buffer.alloc(400, 'x'))
    await kit.log.end()
    const path = join(kit.options.folder, 'tail-3')
    await truncate(path, (await readFile(path)).length - 1)
    const entries = await entriesOf(await kit.reopen())
    assert.equal(findHole(entries), undefined)
    assert.deepEqual(entries.find(({ gap }) => gap !== undefined)?.gap?.bytes, 25)
  })

  test('F21: that is whole is read without writing anything', async () => {
    await using kit = await LogKit.open()
    kit.log.append('stdout', Buffer.from('kept'))
    await kit.log.end()
    const file = join(kit.options.folder, 'head')
    const { mtimeNs, ctimeNs } = await stat(file, { bigint: true })
    assert.equal(bytesOf(await entriesOf(await kit.reopen())).toString(), 'kept')
    const after = await stat(file, { bigint: true })
    assert.deepEqual([after.mtimeNs, after.ctimeNs], [mtimeNs, ctimeNs])
  })

  test('that is not there is not_found', async () => {
    await using kit = await LogKit.open()
    await kit.log.remove()
    await assert.rejects(kit.reopen(), { code: 'not_found' })
  })
})
