import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ErrandError } from '../core/errors.ts'
import { explainFailure } from './failures.ts'

function failed(message: string, code?: string): Error & { code?: string } {
  return Object.assign(new Error(message), code === undefined ? {} : { code })
}

test('an error of ours stays what it is', () => {
  const error = new ErrandError('task_gone', 'gone')
  assert.equal(explainFailure(error), error)
})

for (const code of ['UND_ERR_SOCKET', 'ECONNRESET', 'ECONNREFUSED', 'EPIPE', 'ENOENT', 'UND_ERR_CLOSED']) {
  test(`${code} is a closed connection`, () => {
    const cause = failed('other side closed', code)
    const error = explainFailure(cause)
    assert.equal(error.code, 'task_connection_closed')
    assert.deepEqual(error.details, { cause: code })
    assert.equal(error.cause, cause)
  })
}

for (const [message, code] of [
  ['Parse Error: Expected HTTP/', 'HPE_INVALID_CONSTANT'],
  ['Headers Overflow Error', 'UND_ERR_HEADERS_OVERFLOW'],
  ['bad upgrade', 'UND_ERR_SOCKET'],
  ['bad response', 'UND_ERR_SOCKET'],
  ['something without a code', undefined],
] as const) {
  test(`"${message}" is a bad answer`, () => {
    assert.equal(explainFailure(failed(message, code)).code, 'bad_task_response')
  })
}

for (const code of ['EMFILE', 'ENFILE', 'EADDRNOTAVAIL', 'EAGAIN']) {
  test(`${code} is a shortage of this host, not a fault of the task`, () => {
    const { code: explained, retryAfterMs } = explainFailure(failed('connect', code))
    assert.deepEqual([explained, retryAfterMs], ['resources_exhausted', 1000])
  })
}

for (const [hasBegun, code] of [
  [true, 'task_connection_closed'],
  [false, 'bad_task_response'],
] as const) {
  test(`a length that does not fit is ${code} ${hasBegun ? 'after' : 'before'} the head of an answer`, () => {
    const mismatch = failed('Response body length does not match', 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH')
    assert.equal(explainFailure(mismatch, hasBegun).code, code)
  })
}
