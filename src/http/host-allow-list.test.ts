import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HostAllowList } from './host-allow-list.ts'

test('IP literals, localhost and allowed names pass with and without a port', () => {
  const list = new HostAllowList(['Node.example', 'other.example:8443'])
  const passing = ['127.0.0.1', '10.1.2.3:2591', '[::1]', '[::1]:2591', '[::ffff:10.0.0.1]', 'localhost', 'LOCALHOST:1']
  for (const host of [...passing, 'node.example', 'NODE.example:80', 'other.example:8443']) {
    assert.equal(list.allows(host), true, host)
    assert.equal(list.allows(host), true, `${host}, from the cache`)
  }
})

test('every other name is refused, whatever it looks like', () => {
  const list = new HostAllowList(['node.example', 'other.example:8443'])
  const hosts = ['', 'evil.example', 'localhost.evil.example', '127.0.0.1.evil.example', 'xlocalhost', 'localhost.']
  const odd = ['127.1', '2130706433', '0x7f.0.0.1', '::1', '[::1', '[evil]', 'localhost:x', 'localhost:80:80', ':80']
  const close = [
    'user@localhost',
    'localhost/',
    'localhost evil',
    'other.example',
    'other.example:80',
    'a.node.example',
  ]
  for (const host of [...hosts, ...odd, ...close]) assert.equal(list.allows(host), false, host)
})
