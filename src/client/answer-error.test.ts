import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ERROR_CODES, ErrandError } from '../core/errors.ts'
import { problemAnswer } from '../http/problem.ts'
import { answerError } from './answer-error.ts'

const PROBLEM = 'application/problem+json'

function read(status: number, contentType = '', text = '', retryAfter = ''): ErrandError {
  return answerError({ status, contentType, text, retryAfter })
}

test('every code comes back as it was thrown, with all that it says', () => {
  for (const code of ERROR_CODES) {
    for (const options of [{}, { details: { a: [1, { b: null }] }, retryAfterMs: 1234 }]) {
      const thrown = new ErrandError(code, `it was ${code}`, options)
      const { status, contentType, body } = problemAnswer(thrown)
      const { name, message, details, retryAfterMs, ...rest } = read(status, contentType, body)
      const expected = [thrown.name, code, thrown.message, thrown.details, thrown.retryAfterMs]
      assert.deepEqual([name, rest.code, message, details, retryAfterMs], expected)
    }
  }
})

test('a code of a newer node becomes the nearest by its status, and is told', () => {
  for (const [status, code] of [
    [400, 'validation_failed'],
    [404, 'not_found'],
    [409, 'internal'],
    [418, 'internal'],
    [429, 'queue_full'],
    [500, 'internal'],
  ] as const) {
    const problem = { code: 'sun_spots', detail: 'too many', details: { a: 1 }, retryAfterMs: 5 }
    const error = read(status, `${PROBLEM}; charset=utf-8`, JSON.stringify(problem))
    assert.deepEqual([error.code, error.message, error.retryAfterMs], [code, 'too many', 5])
    assert.deepEqual(error.details, { a: 1, code: 'sun_spots', status })
  }
})

test('a code that every object has by nature is none', () => {
  for (const code of ['constructor', '__proto__', 'toString']) {
    assert.equal(read(500, PROBLEM, JSON.stringify({ code })).code, 'internal')
  }
})

test('an answer of something between is told by its status, with the beginning of its text', () => {
  const page = `<html>${'x'.repeat(10_000)}`
  const gateway = read(502, 'text/html', page)
  assert.deepEqual([gateway.code, gateway.details], ['node_unavailable', { mayHaveArrived: true }])
  assert.ok(gateway.message.length < 600)
  assert.equal(read(503, 'text/html', page, '7').retryAfterMs, 7000)
  assert.equal(read(503, 'text/html', page, 'Wed, 21 Oct 2026 07:28:00 GMT').retryAfterMs, undefined)
  const redirect = read(307, 'text/html', '')
  assert.deepEqual([redirect.code, redirect.details], ['internal', { status: 307 }])
  assert.equal(read(401, '', '').code, 'unauthenticated')
})

test('a problem that is none of ours, or whose parts are of other kinds, breaks nothing', () => {
  for (const text of ['', '{', 'null', '[]', '"code"', '{}', '{"code": 7}']) {
    assert.equal(read(404, PROBLEM, text).code, 'not_found', text)
  }
  for (const retryAfterMs of [-1, '5', null, {}]) {
    const error = read(503, PROBLEM, JSON.stringify({ code: 'paused', details: [1], retryAfterMs }))
    assert.deepEqual(
      [error.code, error.message, error.details, error.retryAfterMs],
      ['paused', 'paused', {}, undefined],
    )
  }
})
