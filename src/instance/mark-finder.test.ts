import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { MarkFinder } from './mark-finder.ts'

/** Few different bytes, so that marks and beginnings of marks are common. */
const text = (minLength: number, maxLength: number): fc.Arbitrary<string> =>
  fc.string({ unit: fc.constantFrom('a', 'b'), minLength, maxLength })

test('a mark is found in the chunk in which it ends, wherever the chunks are cut', () => {
  fc.assert(
    fc.property(text(1, 6), fc.array(text(0, 5), { maxLength: 12 }), (mark, chunks) => {
      const finder = new MarkFinder(mark)
      let sofar = ''
      for (const chunk of chunks) {
        sofar += chunk
        const isFound = finder.push(Buffer.from(chunk))
        assert.equal(isFound, sofar.includes(mark))
        if (isFound) return
      }
    }),
  )
})

test('a mark of several bytes per character is found when cut within one', () => {
  const mark = 'bereit \u{1F680}'
  const bytes = Buffer.from(`noise ${mark} noise`)
  for (let cut = 0; cut <= bytes.length; cut += 1) {
    const finder = new MarkFinder(mark)
    const isFound = [finder.push(bytes.subarray(0, cut)), finder.push(bytes.subarray(cut))]
    assert.ok(isFound.includes(true))
  }
})

test('a mark that comes byte by byte is found', () => {
  const finder = new MarkFinder('meca-init-done')
  const found = [...Buffer.from('meca-init-meca-init-done')].map((byte) => finder.push(Buffer.from([byte])))
  assert.equal(found.indexOf(true), 'meca-init-meca-init-done'.length - 1)
})

test('what only begins like the mark is none', () => {
  const finder = new MarkFinder('meca-init-done')
  for (const chunk of ['meca-init', '-don', 'meca-init-', 'done?meca']) {
    assert.equal(finder.push(Buffer.from(chunk)), chunk === 'done?meca')
  }
})
