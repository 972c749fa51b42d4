import assert from 'node:assert/strict'
import { test } from 'node:test'
import { canonicalIp } from './ip-address.ts'

test('addresses that are the same are written the same, and no others', () => {
  assert.equal(canonicalIp('127.0.0.1'), '127.0.0.1')
  assert.equal(canonicalIp('0:0:0:0:0:0:0:1'), '::1')
  assert.equal(canonicalIp('2001:DB8::0:1'), '2001:db8::1')
  // The same host answers, but an engine binds another socket.
  assert.notEqual(canonicalIp('::ffff:127.0.0.1'), '127.0.0.1')
})

test('what is no address, or one with a zone, is none', () => {
  for (const text of ['', 'localhost', '127.1', '127.0.0.01', '127.0.0.1:80', '[::1]', 'fe80::1%eth0']) {
    assert.equal(canonicalIp(text), undefined, text)
  }
})
