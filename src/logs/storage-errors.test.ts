import assert from 'node:assert/strict'
import { test } from 'node:test'
import { logError } from './storage-errors.ts'

function systemError(code: string): Error {
  return Object.assign(new Error(code), { code })
}

test('what keeps a log from being read has a code, and a time for another attempt where it passes', () => {
  const told = ['ENOENT', 'EIO', 'EMFILE', 'ENFILE'].map((name) => {
    const { code, retryAfterMs } = logError(systemError(name), 'The log cannot be read')
    return [code, retryAfterMs]
  })
  assert.deepEqual(told, [
    ['not_found', undefined],
    ['storage_error', undefined],
    ['storage_error', 1000],
    ['storage_error', 1000],
  ])
})
