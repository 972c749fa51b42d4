import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Pieces } from './pieces.ts'

test('what comes in one piece is kept as it is', () => {
  const pieces = new Pieces()
  assert.deepEqual(pieces.take(), [])
  const only = Buffer.from('only')
  pieces.add(only)
  const [taken, ...others] = pieces.take()
  assert.deepEqual([taken, taken?.buffer === only.buffer, others], [only, true, []])
})

test('whatever the chunks, the bytes come out in order, and no chunk is written to', () => {
  const chunk = fc.uint8Array({ maxLength: 20_000 })
  fc.assert(
    fc.property(fc.array(chunk, { maxLength: 30 }), (chunks) => {
      const pieces = new Pieces()
      const copies = chunks.map((each) => Buffer.from(each))
      for (const each of copies) pieces.add(each)
      const whole = Buffer.concat(chunks)
      assert.equal(pieces.size, whole.length)
      assert.ok(Buffer.concat(pieces.take()).equals(whole))
      for (const [index, each] of copies.entries()) assert.ok(each.equals(chunks[index] ?? Buffer.alloc(0)))
    }),
    { numRuns: 200 },
  )
})

test('a body that drips is held in few pieces, and a large one in none that is large', () => {
  const dripped = new Pieces()
  for (let byte = 0; byte < 100_000; byte += 1) dripped.add(Buffer.from([byte % 256]))
  assert.ok(dripped.take().length < 12, String(dripped.take().length))
  const large = new Pieces()
  for (let chunk = 0; chunk < 40; chunk += 1) large.add(Buffer.alloc(64 * 1024))
  assert.ok(large.take().every(({ length }) => length <= 64 * 1024))
})
