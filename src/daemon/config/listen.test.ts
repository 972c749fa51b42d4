import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ListenerConfig } from '../../http/listener-config.ts'
import { listen, parseAddress } from './listen.ts'

test('an address is a host with a port, an IPv6 address in brackets or the path of a unix socket', () => {
  const addresses: [string, ReturnType<typeof parseAddress>][] = [
    ['127.0.0.1:2591', { host: '127.0.0.1', port: 2591 }],
    ['localhost:0', { host: 'localhost', port: 0 }],
    ['node.example:65535', { host: 'node.example', port: 65_535 }],
    ['[::1]:2591', { host: '::1', port: 2591 }],
    ['unix:/run/x.sock', { unixPath: '/run/x.sock' }],
    [`unix:/${'x'.repeat(106)}`, { unixPath: `/${'x'.repeat(106)}` }],
    [`unix:/${'x'.repeat(107)}`, undefined],
    [`unix:/${'é'.repeat(54)}`, undefined],
    ['unix:x.sock', undefined],
    ['unix:/run/', undefined],
    ['unix:', undefined],
    [':2591', undefined],
    ['2591', undefined],
    ['*:2591', undefined],
    ['127.0.0.1', undefined],
    ['127.0.0.1:', undefined],
    ['127.0.0.1:65536', undefined],
    ['127.1:80', undefined],
    ['0:80', undefined],
    ['::1:2591', undefined],
    ['[127.0.0.1]:80', undefined],
    ['[::1', undefined],
    ['-x:80', undefined],
    ['a b:80', undefined],
    ['http://127.0.0.1:80', undefined],
  ]
  for (const [text, address] of addresses) assert.deepEqual(parseAddress(text), address, text)
})

test('control is open by default on loopback alone, and beyond it only when said', () => {
  const [short, unix, v6, named, mapped, wide, any, said, closed] = listen.parse([
    '127.0.0.2:1',
    'unix:/s',
    '[::1]:1',
    'LocalHost:1',
    '[::ffff:127.0.0.1]:1',
    '10.0.0.1:1',
    '[::]:1',
    { address: '0.0.0.0:1', control: true },
    { address: '127.0.0.1:1', control: false },
  ])
  const facts = (listener: ListenerConfig | undefined) => [listener?.isLoopback, listener?.auth, listener?.hasControl]
  for (const listener of [short, v6, named, mapped]) assert.deepEqual(facts(listener), [true, 'none', true])
  assert.deepEqual(facts(unix), [true, 'peer', true])
  for (const listener of [wide, any]) assert.deepEqual(facts(listener), [false, 'none', false])
  assert.deepEqual(facts(said), [false, 'none', true])
  assert.deepEqual(facts(closed), [true, 'none', false])
})

test('port 0 may be listed twice: the kernel chooses two ports', () => {
  assert.equal(listen.parse(['127.0.0.1:0', '127.0.0.1:0']).length, 2)
})

test('v1 and metrics are served by default to this host and to those with tokens, and never openly beyond it', () => {
  const listeners = listen.parse([
    '127.0.0.1:1',
    'unix:/s',
    '10.0.0.1:1',
    { address: '10.0.0.1:2', auth: 'token' },
    { address: '127.0.0.1:2', auth: 'token' },
    { address: 'unix:/t', faces: ['v1'] },
    { address: '127.0.0.1:3', faces: ['meca'] },
  ])
  assert.deepEqual(
    listeners.map(({ faces, auth }) => [[...faces].join(' '), auth]),
    [
      ['meca v1 docs metrics', 'none'],
      ['meca v1 docs metrics', 'peer'],
      ['meca', 'none'],
      ['v1 metrics', 'token'],
      ['v1 metrics', 'token'],
      ['v1', 'peer'],
      ['meca', 'none'],
    ],
  )
})
