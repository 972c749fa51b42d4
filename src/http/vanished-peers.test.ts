import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import { ManualClock } from '../core/manual-clock.ts'
import { VanishedPeers } from './vanished-peers.ts'

const LOOK_MS = 15_000

class FakeSocket {
  readonly remoteAddress: string
  readonly remotePort: number
  isDestroyed = false
  isOwed = true

  constructor(remoteAddress: string, remotePort: number) {
    this.remoteAddress = remoteAddress
    this.remotePort = remotePort
  }

  destroy(): void {
    this.isDestroyed = true
  }
}

/** A row as the kernel writes it: where from, the timer it waits on, and how often something was sent again. */
function row(remote: string, timer: string, repeats: number, local = '0100007F:0A1F'): string {
  const times = repeats.toString(16).toUpperCase().padStart(8, '0')
  return `   3: ${local} ${remote} 01 00000008:00000000 ${timer}:000000D2 ${times}     0        0 1 2 0`
}

const V4 = '9E6433C6:E170'
const V6 = 'B80D0120000000000000000001000000:E170'

/** Looks once for each table; the clock is moved from one to the next. */
async function looked(socket: FakeSocket, tables: readonly string[]): Promise<{ readonly reads: number }> {
  const clock = new ManualClock()
  let reads = 0
  await using peers = new VanishedPeers({
    clock,
    port: 2591,
    connections: () => [[socket as unknown as Socket, socket]],
    readTables: async () => tables[reads++] ?? '',
  })
  peers.watch()
  peers.watch()
  for (let look = 0; look < tables.length; look += 1) await clock.advance(LOOK_MS)
  return { reads }
}

test('F65: a peer that acknowledges nothing from one look to the next is cut off, by IPv4 and IPv6', async () => {
  for (const [address, remote] of [
    ['198.51.100.158', V4],
    ['2001:db8::1', V6],
    ['::ffff:198.51.100.158', `0000000000000000FFFF0000${V4}`],
  ] as const) {
    const socket = new FakeSocket(address, 57_712)
    await looked(socket, [row(remote, '01', 6)])
    assert.equal(socket.isDestroyed, false, 'once is no proof')
    await looked(socket, [row(remote, '01', 6), row(remote, '01', 7)])
    assert.equal(socket.isDestroyed, true, address)
  }
})

test('F65: whoever acknowledges, reads slowly, or is somebody else is left alone', async () => {
  const others: [string, readonly string[]][] = [
    ['acknowledged meanwhile', [row(V4, '01', 6), row(V4, '01', 4), row(V4, '00', 0), row(V4, '01', 4)]],
    ['a loss or two', [row(V4, '01', 1), row(V4, '01', 2)]],
    ['no room at the reader', [row(V4, '04', 6), row(V4, '04', 7)]],
    ['another port of this host', [row(V4, '01', 6, '0100007F:0A20'), row(V4, '01', 7, '0100007F:0A20')]],
    ['another peer', [row('9D6433C6:E170', '01', 6), row('9D6433C6:E170', '01', 7)]],
    ['another port of the peer', [row('9E6433C6:E171', '01', 6), row('9E6433C6:E171', '01', 7)]],
    ['no table at all', ['', 'sl local rem\n  1: x y\n', '\n']],
  ]
  for (const [what, tables] of others) {
    const socket = new FakeSocket('198.51.100.158', 57_712)
    await looked(socket, tables)
    assert.equal(socket.isDestroyed, false, what)
  }
})

test('nothing is read while nobody is owed anything, and no timer is left when there is no connection', async () => {
  const socket = new FakeSocket('198.51.100.158', 57_712)
  socket.isOwed = false
  assert.equal((await looked(socket, ['', ''])).reads, 0)
  const clock = new ManualClock()
  const connections: [Socket, FakeSocket][] = [[socket as unknown as Socket, socket]]
  await using peers = new VanishedPeers({ clock, port: 1, connections: () => connections })
  assert.equal(clock.pendingTimers, 0)
  peers.watch()
  await clock.advance(LOOK_MS)
  assert.equal(clock.pendingTimers, 1)
  connections.pop()
  await clock.advance(LOOK_MS)
  assert.equal(clock.pendingTimers, 0)
})
