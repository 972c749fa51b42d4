import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ErrandError } from '../../core/errors.ts'
import { taskPath } from './task-path.ts'

test('a task is asked for what stands below `invoke`', () => {
  const same = [
    '/',
    '/a',
    '/a/',
    '/a//b',
    '/a/../b',
    '/@scope/pkg',
    '/http://evil/',
    '/%2e%2E/%00',
    "/a;b=c,d!$&'()*+~",
  ]
  for (const path of same) assert.equal(taskPath(path, ''), path)
  assert.equal(taskPath('', ''), '/')
  assert.equal(taskPath('', 'a=b?c/d'), '/?a=b?c/d')
  assert.equal(taskPath('/x', '//evil'), '/x?//evil')
})

test('what is no URI is escaped, byte by byte', () => {
  assert.equal(taskPath('/a b"<>\\^`{|}#[]', 'x=\xe4\xff'), '/a%20b%22%3C%3E%5C%5E%60%7B%7C%7D%23%5B%5D?x=%E4%FF')
  assert.equal(taskPath('/a\r\nHost: evil\0', ''), '/a%0D%0AHost:%20evil%00')
})

test('what a server could take for a host, and a broken escape, are refused', () => {
  for (const path of ['//evil', '//', '///x', '/\\evil', '/%2fevil', '/%5Cevil', '/a%', '/a%2', '/a%zz']) {
    assert.throws(
      () => taskPath(path, ''),
      (error) => error instanceof ErrandError && error.code === 'validation_failed',
      path,
    )
  }
  assert.throws(() => taskPath('/a', 'x=%'), ErrandError)
})
