import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseAddress } from './address.ts'
import { ErrandClient } from './client.ts'

test('a node is at a socket, or at a host and port', () => {
  const socket = {
    origin: 'http://localhost',
    socketPath: '/run/errand/errand.sock',
    text: 'unix:///run/errand/errand.sock',
  }
  assert.deepEqual(parseAddress('unix:///run/errand/errand.sock'), socket)
  assert.deepEqual(parseAddress('unix:/run/errand/errand.sock'), socket)
  assert.deepEqual(parseAddress('http://127.0.0.1:2591/'), {
    origin: 'http://127.0.0.1:2591',
    text: 'http://127.0.0.1:2591',
  })
  assert.equal(parseAddress('https://node.example').origin, 'https://node.example')
  assert.equal(parseAddress('http://[::1]:2591').origin, 'http://[::1]:2591')
})

test('anything else is refused, and no password is repeated', () => {
  for (const url of [
    '',
    '127.0.0.1:2591',
    'unix://',
    'unix://run/errand.sock',
    'ftp://host',
    'file:///etc/passwd',
    'http://',
    'http://host/v1',
    'http://host/?a=b',
    'http://host/#a',
    'http://me:hunter2@host',
  ]) {
    const open = (): unknown => new ErrandClient({ url })
    assert.throws(open, ({ code, message }) => code === 'validation_failed' && !message.includes('hunter2'), url)
  }
})

test('a token is one word, given in one way', () => {
  for (const options of [{ token: '' }, { token: 'a b' }, { token: 'a\r\nx: y' }, { token: 'a', tokenFile: '/b' }]) {
    const open = (): unknown => new ErrandClient(options)
    assert.throws(open, ({ code, message }) => code === 'validation_failed' && !message.includes('x: y'))
  }
})
