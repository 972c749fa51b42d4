import assert from 'node:assert/strict'
import { test } from 'node:test'
import { operationPath } from './operation-path.ts'

test('a path has its ids, and what of the query is said', () => {
  const query = { follow: true, tail: 0, since: undefined, status: 'a,b c&d' }
  assert.equal(
    operationPath('/v1/x/{id}/logs', { id: 'a-1' }, query),
    '/v1/x/a-1/logs?follow=true&tail=0&status=a%2Cb+c%26d',
  )
  assert.equal(operationPath('/v1/x', {}, { a: undefined }), '/v1/x')
})

test('nothing that is put in leads to another path', () => {
  for (const id of ['', '.', '..', 'a/b', 'a%2Fb', 'A', 'a?b', 'a\n', '-a', 'a'.repeat(64)]) {
    assert.throws(() => operationPath('/v1/x/{id}', { id }), { code: 'validation_failed' })
  }
  assert.throws(() => operationPath('/v1/x/{id}'), { code: 'validation_failed' })
  const open = '/v1/x/{id}/outputs/{path...}'
  assert.equal(operationPath(open, { id: 'a', path: 'b c/d?e/#f%2e' }), '/v1/x/a/outputs/b%20c/d%3Fe/%23f%252e')
  for (const path of ['..', 'a/../b', './a']) {
    assert.throws(() => operationPath(open, { id: 'a', path }), { code: 'validation_failed' })
  }
})
