import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isConnected } from './neighbourhood.ts'

/** Of a host with a default route, a bridge 172.17.0.0/16, one 10.213.77.128/25, and 10.9.0.0/16 behind a router. */
const ROUTES = [
  'Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT',
  'eth0\t00000000\t0100000A\t0003\t0\t0\t0\t00000000\t0\t0\t0',
  'docker0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0',
  'br-1\t804DD50A\t00000000\t0001\t0\t0\t0\t80FFFFFF\t0\t0\t0',
  'eth0\t0000090A\t0100000A\t0003\t0\t0\t0\t0000FFFF\t0\t0\t0',
  '',
].join('\n')

for (const [subnet, expected] of [
  ['172.17.0.0/16', true],
  ['10.213.77.128/25', true],
  ['10.213.77.200/25', true],
  ['172.17.0.0/24', false],
  ['172.18.0.0/16', false],
  ['10.9.0.0/16', false],
] as const) {
  test(`a host with these routes ${expected ? 'is' : 'is not'} on ${subnet} itself`, () => {
    assert.equal(isConnected([subnet], ROUTES), expected)
  })
}

test('one of several ranges is enough, and of none nothing is known to be near', () => {
  assert.equal(isConnected(['172.18.0.0/16', '172.17.0.0/16'], ROUTES), true)
  assert.equal(isConnected([], ROUTES), false)
})
