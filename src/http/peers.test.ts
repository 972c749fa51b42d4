import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Peers, peerOf } from './peers.ts'

test('one peer has no more than its most, others have theirs, and who leaves makes room', () => {
  const peers = new Peers(2)
  assert.deepEqual([peers.enter('a'), peers.enter('a'), peers.enter('a'), peers.enter('b')], [true, true, false, true])
  peers.leave('a')
  assert.deepEqual([peers.enter('a'), peers.enter('a')], [true, false])
})

test('an IPv4 address is one peer however it is written', () => {
  assert.equal(peerOf('10.1.2.3'), '10.1.2.3')
  assert.equal(peerOf('::ffff:10.1.2.3'), '10.1.2.3')
})

test('all of an IPv6 network are one peer', () => {
  for (const address of ['2001:db8:1:2::1', '2001:db8:1:2:ffff:1:2:3', '2001:db8:1:2::', '2001:db8:1:2::9%eth0']) {
    assert.equal(peerOf(address), '2001:db8:1:2', address)
  }
  assert.equal(peerOf('2001:db8::1'), '2001:db8:0:0')
  assert.equal(peerOf('fe80::1:2:3:4%eth0'), 'fe80:0:0:0')
  assert.equal(peerOf('::1'), '0:0:0:0')
  assert.notEqual(peerOf('2001:db8:1:3::1'), peerOf('2001:db8:1:2::1'))
})
