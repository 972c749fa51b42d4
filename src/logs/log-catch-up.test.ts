import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { scale } from '../../test/support/scale.ts'
import type { OutputChunk, OutputRange } from '../engine/engine.ts'
import { bytesOf, entriesOf, findHole, LogKit } from './log-kit.fixture.ts'

interface Printed extends OutputChunk {
  readonly timeMs: number
}

/** What an engine keeps, from some chunk on. */
class Keeper {
  readonly asked: OutputRange[] = []
  readonly #chunks: readonly Printed[]

  constructor(chunks: readonly Printed[]) {
    this.#chunks = chunks
  }

  readonly output = (range: OutputRange): AsyncIterable<OutputChunk> => {
    this.asked.push(range)
    return this.#since(range.sinceMs ?? 0)
  }

  async *#since(sinceMs: number): AsyncIterable<OutputChunk> {
    for (const chunk of this.#chunks) if (chunk.timeMs >= sinceMs) yield chunk
  }
}

function out(text: string, timeMs = 0): Printed {
  return { stream: 'stdout', data: Buffer.from(text), timeMs }
}

async function takenOf(kit: LogKit): Promise<string> {
  await kit.log.end()
  const entries = await entriesOf(kit.log)
  assert.equal(findHole(entries), undefined)
  return entries.map(({ gap, data }) => (gap === undefined ? data.toString() : `[${gap.cause} ${gap.bytes}]`)).join('')
}

const piece = fc.record({
  stream: fc.constantFrom('stdout' as const, 'stderr' as const),
  data: fc.uint8Array({ minLength: 1, maxLength: 3000 }).map((bytes) => Buffer.from(bytes)),
  timeMs: fc.constant(0),
})

describe('catching up', () => {
  test('takes exactly what was not taken, wherever the connection was lost', async () => {
    const property = fc.asyncProperty(fc.array(piece, { maxLength: 12 }), fc.nat(), async (printed, lost) => {
      await using kit = await LogKit.open()
      let left = lost % (printed.reduce((sum, { data }) => sum + data.length, 0) + 1)
      for (const { stream, data } of printed) {
        kit.log.append(stream, data.subarray(0, left))
        left = Math.max(0, left - data.length)
      }
      const last = printed.at(-1)
      // As engines keep it. This byte stays in doubt only when it is all that is new.
      await kit.log.catchUp(new Keeper(printed).output)
      await kit.log.end()
      const entries = await entriesOf(kit.log)
      for (const stream of ['stdout', 'stderr'] as const) {
        const whole = Buffer.concat(printed.filter((one) => one.stream === stream).map(({ data }) => data))
        const taken = bytesOf(entries, stream)
        const isDoubtful = last !== undefined && whole.at(-1) === 10 && taken.length === whole.length - 1
        assert.deepEqual(taken, isDoubtful ? whole.subarray(0, -1) : whole)
      }
      assert.equal(findHole(entries), undefined)
      assert.equal(kit.log.totals.gaps, 0)
    })
    await fc.assert(property, { numRuns: scale(50, 1000) })
  })

  test('goes on after a crash in between', async () => {
    await using kit = await LogKit.open()
    kit.log.append('stdout', Buffer.from('one\ntw'))
    await kit.log.written()
    const log = await kit.reopen()
    await log.catchUp(new Keeper([out('one\n'), out('two\n')]).output)
    assert.equal(await takenOf(kit), 'one\ntwo\n')
  })

  test('takes no line feed with which the engine ended a line left open', async () => {
    await using kit = await LogKit.open()
    kit.log.append('stdout', Buffer.from('one\nopen'))
    await kit.log.catchUp(new Keeper([out('one\n'), out('open\n')]).output)
    assert.equal(await takenOf(kit), 'one\nopen')
  })

  test('takes a line feed that something follows', async () => {
    await using kit = await LogKit.open()
    kit.log.append('stdout', Buffer.from('one'))
    await kit.log.catchUp(new Keeper([out('one\n'), out('two\n')]).output)
    assert.equal(await takenOf(kit), 'one\ntwo\n')
  })

  test('notes a gap where the engine threw its beginning away, and takes what came later', async () => {
    await using kit = await LogKit.open()
    await kit.options.clock.advance(1000)
    kit.log.append('stdout', Buffer.from('one\ntwo\n'))
    const keeper = new Keeper([out('two\n', 1000), out('four\n', 3000), out('five\n', 4000)])
    await kit.log.catchUp(keeper.output)
    assert.deepEqual(keeper.asked, [{}, { follow: true, sinceMs: 1001 }])
    assert.equal(await takenOf(kit), 'one\ntwo\n[missed undefined]four\nfive\n')
    assert.equal(kit.log.totals.gaps, 1)
  })

  test('trusts no equal length with other contents', async () => {
    await using kit = await LogKit.open()
    kit.log.append('stdout', Buffer.from('one\n'))
    await kit.log.catchUp(new Keeper([out('two\n'), out('three\n', 5)]).output)
    assert.equal(await takenOf(kit), 'one\n[missed undefined]three\n')
  })

  test('notes a gap when the beginning is thrown away between its two looks', async () => {
    await using kit = await LogKit.open()
    kit.log.append('stdout', Buffer.from('one\ntwo\n'))
    const looks = [new Keeper([out('one\n'), out('two\n')]), new Keeper([out('two\n'), out('four\n'), out('five\n')])]
    await kit.log.catchUp((range) => looks.shift()?.output(range) ?? assert.fail('looks a third time'))
    assert.equal(await takenOf(kit), 'one\ntwo\n[missed undefined]\nfive\n')
  })

  test('counts on what lies beyond the limit of the log', async () => {
    await using kit = await LogKit.open({ limitBytes: 100 })
    const lines = Array.from({ length: 60 }, (_, index) => `line ${index}\n`)
    kit.log.append('stdout', Buffer.from(lines.slice(0, 50).join('')))
    await kit.log.catchUp(new Keeper(lines.map((line) => out(line))).output)
    assert.match(await takenOf(kit), /^line 0\n.*\[limit \d+\].*line 58\nline 59\n$/s)
    assert.equal(kit.log.totals.stdoutBytes, lines.join('').length)
  })
})
