import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isLarge, taskAnswer, taskAnswerPieces } from './answers.ts'

test('a task answer in pieces is the same JSON as in one, wherever the pieces part, also within a character', () => {
  const bytes = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 300 }).map((text) => Buffer.from(text)),
    fc.uint8Array({ maxLength: 300 }).map((each) => Buffer.from(each)),
  )
  const status = fc.constantFrom(200, 204, 404, 500)
  fc.assert(
    fc.property(
      bytes,
      fc.array(fc.nat(300)),
      status,
      fc.constantFrom('rich', 'strict'),
      (body, cuts, code, wording) => {
        const places = [0, ...cuts.filter((cut) => cut < body.length).toSorted((a, b) => a - b), body.length]
        const pieces = places.slice(1).map((end, index) => body.subarray(places[index], end))
        const whole = taskAnswer({ status: code, body }, wording)
        const joined = [...taskAnswerPieces({ status: code, body, pieces }, wording)].join('')
        assert.equal(joined, whole)
        assert.equal(JSON.parse(joined).msg, body.toString('utf8'))
      },
    ),
  )
})

test('an answer is large from its bytes on, whether they are joined or not', () => {
  const body = Buffer.alloc(64 * 1024)
  assert.equal(isLarge({ status: 200, body }), false)
  assert.equal(isLarge({ status: 200, body: Buffer.alloc(0), pieces: [body, Buffer.alloc(1)] }), true)
})

test('a large body without pieces is parted too', () => {
  const body = Buffer.alloc(1_000_000, 'ü"\n')
  const pieces = [...taskAnswerPieces({ status: 200, body }, 'rich')]
  assert.ok(pieces.length > 10)
  assert.equal(JSON.parse(pieces.join('')).msg, body.toString())
})
