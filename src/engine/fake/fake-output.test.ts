import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { MIB } from '../../core/resources.ts'
import { FakeBench, never, textOf } from './fake-bench.fixture.ts'

describe('the output of a fake sandbox', () => {
  test('is followed from its beginning to the end of the sandbox, without a seam', async () => {
    await using bench = new FakeBench()
    const ref = await bench.start({ output: ['a\n'] })
    const following = textOf(bench.engine.output(ref, { follow: true }, never))
    for (let line = 0; line < 100; line += 1) bench.engine.print('one', `${line}\n`)
    bench.engine.crash('one', 0)
    assert.equal(await following, `a\n${Array.from({ length: 100 }, (_, line) => `${line}\n`).join('')}`)
  })

  test('is cut to the last lines, however many prints made one', async () => {
    await using bench = new FakeBench()
    const ref = await bench.start({ output: ['1\n2', 'nd\n', { stream: 'stderr', data: 'e\n' }, 'op', 'en'] })
    const lastLines = async (count: number): Promise<string> =>
      textOf(bench.engine.output(ref, { lastLines: count }, never))
    assert.equal(await lastLines(0), '')
    assert.equal(await lastLines(1), 'open')
    assert.equal(await lastLines(2), 'e\nopen')
    assert.equal(await lastLines(3), '2nd\ne\nopen')
    assert.equal(await lastLines(9), '1\n2nd\ne\nopen')
  })

  test('can be had from a wall time on', async () => {
    await using bench = new FakeBench()
    const ref = await bench.start({ output: ['early\n'] })
    await bench.clock.advance(1000)
    bench.engine.print('one', 'late\n')
    assert.equal(await textOf(bench.engine.output(ref, { sinceMs: 1 }, never)), 'late\n')
    assert.equal(await textOf(bench.engine.output(ref, { sinceMs: 0, lastLines: 1 }, never)), 'late\n')
  })

  test('is kept up to a number of bytes, the newest', async () => {
    await using bench = new FakeBench({ keptOutputBytes: 4 })
    const ref = await bench.start({ output: ['abc', 'def', 'g'] })
    assert.equal(await textOf(bench.engine.output(ref, {}, never)), 'defg')
  })

  test('is flooded byte by byte as asked, in constant memory', async () => {
    await using bench = new FakeBench()
    const bytes = 300 * MIB + 1
    const ref = await bench.create({
      run: async (process) => {
        await process.flood(bytes, 'stderr')
        return 0
      },
    })
    let seen = 0
    const before = process.memoryUsage().arrayBuffers
    const count = ({ data }: { data: Buffer }): void => {
      seen += data.length
    }
    using attachment = await bench.engine.attach(ref, count, never)
    await bench.engine.start(ref, never)
    await attachment.ended
    assert.equal(seen, bytes)
    assert.ok(process.memoryUsage().arrayBuffers - before < 30 * MIB)
    const kept = await textOf(bench.engine.output(ref, {}, never))
    assert.ok(kept.length <= 20 * MIB && kept.length > 19 * MIB, `${kept.length} bytes kept`)
    assert.match(kept.slice(0, 64), /^flood [^\n]{57}\n$/)
  })

  test('ends a flood with the sandbox', async () => {
    await using bench = new FakeBench()
    const ref = await bench.start({ run: async (process) => process.flood(Number.MAX_SAFE_INTEGER).then(() => 0) })
    await bench.engine.signal(ref, 'SIGTERM', never)
    assert.equal((await bench.untilExited(ref))?.exitCode, 143)
  })
})
