import assert from 'node:assert/strict'
import { test } from 'node:test'
import { GrowingBuffer } from './growing-buffer.ts'

test('chunks come out in order and without gaps', () => {
  const gathered = new GrowingBuffer()
  assert.equal(gathered.take().length, 0)
  const text = 'abcdefghij'.repeat(50)
  for (const letter of text) gathered.add(Buffer.from(letter))
  assert.equal(gathered.size, 500)
  assert.equal(gathered.take().toString(), text)
  assert.equal(gathered.size, 0)
})

test('a single chunk is not copied, and no later chunk writes over the first', () => {
  const first = Buffer.from('first')
  const gathered = new GrowingBuffer()
  gathered.add(first)
  assert.equal(gathered.take(), first)
  gathered.add(first)
  gathered.add(Buffer.from('second'))
  assert.equal(gathered.take().toString(), 'firstsecond')
  assert.equal(first.toString(), 'first')
})

test('what was expected is gathered without growing, and more is taken too', () => {
  const gathered = new GrowingBuffer()
  gathered.add(Buffer.from('ab'))
  gathered.expect(6)
  for (const text of ['cd', 'ef', 'ghi']) gathered.add(Buffer.from(text))
  assert.equal(gathered.take().toString(), 'abcdefghi')
  gathered.add(Buffer.from('xyz'))
  gathered.expect(1)
  assert.equal(gathered.take().toString(), 'xyz')
})
