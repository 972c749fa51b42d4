import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { scale } from '../../test/support/scale.ts'
import type { ExecutionLog } from './execution-log.ts'
import type { LogRange } from './log-entry.ts'
import { bytesOf, entriesOf, findHole, LogKit } from './log-kit.fixture.ts'

function print(log: ExecutionLog, text: string, stream: 'stdout' | 'stderr' = 'stdout'): void {
  log.append(stream, Buffer.from(text))
}

async function textOf(log: ExecutionLog, range: LogRange): Promise<string> {
  return bytesOf(await entriesOf(log, range)).toString()
}

describe('a reader of a log', () => {
  test('from before the first byte follows to the end, and ends by itself', async () => {
    await using kit = await LogKit.open()
    const following = textOf(kit.log, { follow: true })
    print(kit.log, 'one\n')
    await kit.log.written()
    print(kit.log, 'two\n')
    await kit.log.end()
    assert.equal(await following, 'one\ntwo\n')
  })

  test('that does not follow ends with what had come when it was asked for', async () => {
    await using kit = await LogKit.open()
    print(kit.log, 'before')
    const reading = kit.log.read({})
    print(kit.log, 'after')
    const entries = []
    for await (const entry of reading) entries.push(entry)
    assert.equal(bytesOf(entries).toString(), 'before')
  })

  test('without history gets exactly what comes after it was asked for', async () => {
    await using kit = await LogKit.open()
    print(kit.log, 'before')
    const following = textOf(kit.log, { follow: true, tail: true })
    print(kit.log, 'after')
    await kit.log.end()
    assert.equal(await following, 'after')
    assert.equal(await textOf(kit.log, { tail: true }), '')
  })

  test('goes on after any place without a seam', async () => {
    await using kit = await LogKit.open({ limitBytes: 300 })
    for (let line = 0; line < 100; line += 1) {
      print(kit.log, `line ${line}\n`, line % 3 === 0 ? 'stderr' : 'stdout')
      await kit.log.written()
    }
    await kit.log.end()
    const all = await entriesOf(kit.log)
    for (const [index, { gap, seq }] of all.entries()) {
      const rest = all.slice(index + 1)
      assert.deepEqual(await entriesOf(kit.log, { sinceSeq: gap?.untilSeq ?? seq }), rest)
      if (gap === undefined) continue
      const [partly, ...others] = await entriesOf(kit.log, { sinceSeq: seq + 1 })
      assert.deepEqual(partly?.gap, { ...gap, bytes: undefined })
      assert.equal(partly?.seq, seq + 2)
      assert.deepEqual(others, rest)
    }
  })

  test('gets what was taken at a time or later', async () => {
    await using kit = await LogKit.open()
    for (const text of ['one', 'two', 'three']) {
      print(kit.log, text)
      await kit.options.clock.advance(1000)
    }
    assert.equal(await textOf(kit.log, { sinceMs: 1000 }), 'twothree')
    assert.deepEqual(
      (await entriesOf(kit.log)).map(({ timeMs }) => timeMs),
      [0, 1000, 2000],
    )
  })

  test('of one stream hears of gaps in that one only', async () => {
    await using kit = await LogKit.open({ limitBytes: 100 })
    print(kit.log, 'out', 'stdout')
    print(kit.log, 'x'.repeat(1000), 'stderr')
    await kit.log.end()
    assert.equal(
      (await entriesOf(kit.log, { stream: 'stdout' })).find(({ gap }) => gap !== undefined),
      undefined,
    )
    const gap = (await entriesOf(kit.log, { stream: 'stderr' })).find((entry) => entry.gap !== undefined)
    assert.equal(gap?.gap?.bytes, kit.log.totals.droppedBytes)
    assert.equal(gap?.stream, 'stderr')
  })

  test('gets the last lines, whatever they end with and wherever they were cut', async () => {
    const part = fc.constantFrom('\n', '\r\n', 'a', 'line', '\n\n', '\0', 'ä')
    const property = fc.asyncProperty(
      fc.array(fc.record({ text: part, isError: fc.boolean(), turn: fc.boolean() }), { maxLength: 40 }),
      fc.integer({ min: 0, max: 12 }),
      async (parts, count) => {
        await using kit = await LogKit.open({ limitBytes: 1000 })
        for (const { text, isError, turn } of parts) {
          print(kit.log, text, isError ? 'stderr' : 'stdout')
          if (turn) await kit.log.written()
        }
        for (const stream of [undefined, 'stdout', 'stderr'] as const) {
          const all = bytesOf(await entriesOf(kit.log, stream === undefined ? {} : { stream })).toString()
          const range = { tail: count, ...(stream !== undefined && { stream }) }
          assert.equal(
            await textOf(kit.log, range),
            all
              .match(/[^\n]*\n|[^\n]+$/g)
              ?.slice(-count || all.length + 1)
              .join('') ?? '',
          )
        }
      },
    )
    await fc.assert(property, { numRuns: scale(60, 1000) })
  })

  test('gets the last lines of a log that spans many files, and goes on from there', async () => {
    await using kit = await LogKit.open({ limitBytes: 2000 })
    const lines = Array.from({ length: 1000 }, (_, index) => `line ${index}\n`)
    for (const [index, line] of lines.entries()) {
      print(kit.log, line)
      if (index % 10 === 0) await kit.log.written()
    }
    const following = textOf(kit.log, { tail: 50, follow: true })
    print(kit.log, 'the end')
    await kit.log.end()
    assert.equal(await following, `${lines.slice(-50).join('')}the end`)
    assert.ok((await readdir(kit.options.folder)).length > 8)
    const longest = await entriesOf(kit.log, { tail: 500 })
    assert.equal(findHole(longest, longest[0]?.seq), undefined)
    assert.ok(longest.some(({ gap }) => gap !== undefined))
  })

  test('rejects with the reason of its signal, also while it waits', async () => {
    await using kit = await LogKit.open()
    const leaving = new AbortController()
    const following = entriesOf(kit.log, { follow: true }, leaving.signal)
    print(kit.log, 'x')
    await kit.log.written()
    const reason = new Error('leaving')
    leaving.abort(reason)
    await assert.rejects(following, reason)
    await assert.rejects(entriesOf(kit.log, {}, leaving.signal), reason)
  })

  test('ends with not_found once the log is removed, whether it waits or reads', async () => {
    await using kit = await LogKit.open()
    print(kit.log, 'one')
    await kit.log.written()
    print(kit.log, 'two')
    const reading = kit.log.read({ follow: true })
    await reading.next()
    const waiting = assert.rejects(entriesOf(kit.log, { follow: true }), { code: 'not_found' })
    await kit.log.remove()
    await assert.rejects(reading.next(), { code: 'not_found' })
    await waiting
    await assert.rejects(entriesOf(kit.log), { code: 'not_found' })
  })
})
