import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Method } from '../contract/operation.ts'
import type { Route } from './route.ts'
import { type Matched, RouteTable } from './route-table.ts'

function routeTo(method: Method | 'ANY', path: string): Route {
  const operation = { id: path, method, path, scope: 'read', tag: 'node', summary: '', answers: {} } as const
  return { operation, run: async () => undefined }
}

const TABLE = new RouteTable([
  routeTo('GET', '/v1/things'),
  routeTo('GET', '/v1/things/{id}'),
  routeTo('DELETE', '/v1/things/{id}'),
  routeTo('GET', '/v1/things/special'),
  routeTo('GET', '/v1/things/{id}/files'),
  routeTo('GET', '/v1/things/{id}/files/{path...}'),
  routeTo('ANY', '/v1/things/{id}/call/{path...}'),
])

function matched(method: string, path: string): [path: string, id: string, tail: string] {
  const found = TABLE.match(method, path)
  assert.ok('route' in found, `${method} ${path} is served`)
  const { route, id, tail }: Matched = found
  return [route.operation.path, id, tail]
}

function refused(method: string, path: string): number {
  const found = TABLE.match(method, path)
  assert.ok(!('route' in found), `${method} ${path} is refused`)
  return found.status
}

test('a path finds its route, and the id in it', () => {
  assert.deepEqual(matched('GET', '/v1/things'), ['/v1/things', '', ''])
  assert.deepEqual(matched('DELETE', '/v1/things/a-1'), ['/v1/things/{id}', 'a-1', ''])
  assert.deepEqual(matched('GET', '/v1/things/special'), ['/v1/things/special', '', ''])
})

test('an open path takes whatever follows, as it came', () => {
  assert.deepEqual(matched('GET', '/v1/things/a/files'), ['/v1/things/{id}/files', 'a', ''])
  assert.deepEqual(matched('GET', '/v1/things/a/files/b/../%2e//c'), [
    '/v1/things/{id}/files/{path...}',
    'a',
    '/b/../%2e//c',
  ])
  assert.deepEqual(matched('PROPFIND', '/v1/things/a/call/x'), ['/v1/things/{id}/call/{path...}', 'a', '/x'])
  assert.deepEqual(matched('GET', '/v1/things/a/call/'), ['/v1/things/{id}/call/{path...}', 'a', '/'])
  assert.deepEqual(matched('GET', '/v1/things/a/call'), ['/v1/things/{id}/call/{path...}', 'a', ''])
})

test('what is no id is at no path', () => {
  for (const id of ['A', '..', '%2e', 'a%00', 'x'.repeat(64), '-a', ''])
    assert.equal(refused('GET', `/v1/things/${id}`), 404, id)
  for (const path of ['', '/', '/v1', '/v1/', '/v1/things/', '//v1/things', '/v1/things/a/nothing', '/v1/thingsx']) {
    assert.equal(refused('GET', path), 404, path)
  }
})

test('HEAD finds what GET does, unless a route takes every method', () => {
  assert.deepEqual(matched('HEAD', '/v1/things/a-1'), ['/v1/things/{id}', 'a-1', ''])
  assert.deepEqual(matched('HEAD', '/v1/things/a/call'), ['/v1/things/{id}/call/{path...}', 'a', ''])
})

test('a method that a path does not take is told which it takes', () => {
  const found = TABLE.match('POST', '/v1/things/a')
  assert.ok(!('route' in found))
  assert.deepEqual([found.status, found.allow], [405, 'GET, HEAD, DELETE'])
})
