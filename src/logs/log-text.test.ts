import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { settle } from '../core/manual-clock.ts'
import { LogKit } from './log-kit.fixture.ts'

describe('a log as text', () => {
  test('has characters whole that came in parts', async () => {
    await using kit = await LogKit.open()
    for (const byte of Buffer.from('grün 木 🜁')) {
      kit.log.append('stdout', Buffer.of(byte))
      kit.log.append('stderr', Buffer.from('x'))
      await settle()
    }
    assert.equal(await kit.log.text('stdout'), 'grün 木 🜁')
    assert.equal(await kit.log.text('stderr'), 'x'.repeat(14))
  })

  test('has U+FFFD for what is no UTF-8, and NULs as they are', async () => {
    await using kit = await LogKit.open()
    kit.log.append('stdout', Buffer.from([0x61, 0, 0xff, 0x62, 0xc3]))
    assert.equal(await kit.log.text('stdout'), 'a\0\uFFFDb\uFFFD')
  })

  test('has a line in place of each gap', async () => {
    await using kit = await LogKit.open({ limitBytes: 20 })
    kit.log.append('stdout', Buffer.from('0123456789'))
    kit.log.append('stdout', Buffer.alloc(100, 'x'))
    kit.log.noteGap()
    kit.log.append('stdout', Buffer.from('the end'))
    assert.match(
      await kit.log.text('stdout'),
      /^0123456789\n\[\.\.\. (9\d|100) bytes left out \.\.\.\]\nx*\n\[\.\.\. output may be missing here \.\.\.\]\nthe end$/,
    )
  })

  test('is both ends of what is more than was asked for', async () => {
    await using kit = await LogKit.open()
    for (const text of ['abc', 'defg', 'hij', 'klmno']) {
      kit.log.append('stdout', Buffer.from(text))
      await kit.options.clock.advance(1)
    }
    assert.equal(await kit.log.text('stdout', 15), 'abcdefghijklmno')
    assert.equal(await kit.log.text('stdout', 14), 'abcdefg\n[... 1 bytes left out ...]\nijklmno')
    assert.equal(await kit.log.text('stdout', 7), 'abc\n[... 8 bytes left out ...]\nlmno')
    assert.equal(await kit.log.text('stdout', 1), '[... 14 bytes left out ...]\no')
    assert.equal(await kit.log.text('stdout', 0), '[... 15 bytes left out ...]\n')
  })

  test('adds up what it leaves out and what the log had left out', async () => {
    await using kit = await LogKit.open({ limitBytes: 20 })
    kit.log.append('stdout', Buffer.alloc(100, 'x'))
    assert.equal(await kit.log.text('stdout', 4), 'xx\n[... 96 bytes left out ...]\nxx')
  })
})
