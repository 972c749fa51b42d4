import assert from 'node:assert/strict'
import { test } from 'node:test'
import { IpNetworks, isNetwork } from './ip-networks.ts'

test('addresses and networks are told from what is none', () => {
  for (const text of ['10.0.0.0/8', '127.0.0.1', '::1', 'fc00::/7']) assert.ok(isNetwork(text), text)
  for (const text of ['', 'localhost', '10.0.0.0/33', '10.0.0.0/8/8', '::/129', '10.0.0.0/', '10/8']) {
    assert.ok(!isNetwork(text), text)
  }
})

test('a set has the addresses of its networks, however they are written, and nothing that is no address', () => {
  const some = new IpNetworks(['10.1.0.0/16', '127.0.0.1', 'fd00::/8'])
  for (const address of ['10.1.9.9', '::ffff:10.1.9.9', '127.0.0.1', 'fd12::1']) assert.ok(some.has(address), address)
  for (const address of ['10.2.0.1', '127.0.0.2', '::1', '', '10.1']) assert.ok(!some.has(address), address)
})
