import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isPublicAddress } from './public-address.ts'

test('hosts of the public internet have public addresses', () => {
  for (const address of [
    '1.1.1.1',
    '93.184.216.34',
    '100.128.0.1',
    '172.15.255.255',
    '172.32.0.1',
    '192.169.0.1',
    '2606:4700::1111',
    '2001:4860::8888',
  ]) {
    assert.ok(isPublicAddress(address), address)
  }
})

test('this host, local networks, what leads to them, and what is no address are not public', () => {
  const special = [
    '0.0.0.0 10.0.0.1 10.1.2.3 100.64.0.1 127.0.0.1 127.9.9.9 169.254.169.254 172.16.0.1 172.31.255.255 192.168.1.1',
    '192.0.0.192 192.0.2.1 198.18.0.1 198.51.100.1 203.0.113.5 224.0.0.1 255.255.255.255',
    ':: ::1 ::127.0.0.1 ::ffff:127.0.0.1 ::ffff:169.254.169.254 ::ffff:1.1.1.1 64:ff9b::a9fe:a9fe 64:ff9b:1::1',
    'fe80::1 fe80::1%eth0 fc00::1 fd00:ec2::254 fec0::1 ff02::1 2001::1 2001:db8::1 2002:7f00:1:: 2002:a9fe:a9fe:: 3fff::1',
    'localhost 127.1',
  ].flatMap((line) => line.split(' '))
  for (const address of ['', ...special]) assert.ok(!isPublicAddress(address), address)
})
