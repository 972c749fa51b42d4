import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { OutputRing } from './output-ring.ts'

/** ASCII, so that bytes and characters are the same. */
const chunk = fc.string({ unit: 'grapheme-ascii', maxLength: 40 })

describe('the ring of an output', () => {
  test('keeps exactly the last bytes, however they come', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 64 }), fc.array(chunk, { maxLength: 30 }), (capacity, chunks) => {
        const ring = new OutputRing(capacity)
        for (const text of chunks) ring.push(Buffer.from(text))
        assert.equal(ring.text(), chunks.join('').slice(-capacity))
      }),
    )
  })

  test('keeps the end of one chunk that is larger than all of it', () => {
    const ring = new OutputRing(4096)
    ring.push(Buffer.from('before'))
    ring.push(Buffer.from('x'.repeat(100_000).concat('the end')))
    assert.equal(ring.text(), `${'x'.repeat(4096 - 7)}the end`)
  })

  test('is unchanged by what becomes of a chunk afterwards, and by being read', () => {
    const ring = new OutputRing(8)
    const data = Buffer.from('12345678')
    ring.push(data)
    data.fill('x')
    assert.equal(ring.text(), '12345678')
    assert.equal(ring.text(), '12345678')
  })

  test('shows a character cut in two as U+FFFD', () => {
    const ring = new OutputRing(4)
    ring.push(Buffer.from('ä123'))
    assert.equal(ring.text(), '\uFFFD123')
  })

  test('is empty at first', () => assert.equal(new OutputRing(4).text(), ''))
})
