import { readFile } from 'node:fs/promises'
import { type Socket, SocketAddress } from 'node:net'
import type { Clock } from '../core/clock.ts'
import { Serial } from '../util/serial.ts'

/** How often the kernel is asked. Whoever vanishes is cut off after two to four times that. */
const LOOK_MS = 15_000
/** Sent so often without a sign of life, each time after twice as long as before: no mere loss on the way. A sign begins anew. */
const FEWEST_REPEATS = 3
/** The timer that a row's connection waits on: to send again what was not acknowledged. */
const RETRANSMISSION = '01'

export interface VanishedPeersDeps {
  readonly clock: Clock
  /** The port of this host that they came to. */
  readonly port: number
  /** Every connection, and whether it is owed something. */
  readonly connections: () => Iterable<readonly [Socket, { readonly isOwed: boolean }]>
  /** The tables of the kernel, as in `/proc/net/tcp`. */
  readonly readTables?: () => Promise<string>
}

/**
 * Cuts connections whose peer is gone without a word while something was on its way to it: TCP's own probes are for silence, and
 * what is on its way TCP sends again for a quarter of an hour, longer than anybody waits who streams to it.
 */
export class VanishedPeers implements AsyncDisposable {
  readonly #deps: VanishedPeersDeps
  readonly #readTables: () => Promise<string>
  readonly #looks = new Serial()
  /** How often it was sent again, when last looked at. */
  #before = new Map<Socket, number>()
  #timer: Disposable | undefined
  #isClosed = false

  constructor(deps: VanishedPeersDeps) {
    this.#deps = deps
    this.#readTables = deps.readTables ?? readTables
  }

  /** Looks from time to time from now on, as long as there are connections. To be called when there is a new one. */
  watch(): void {
    if (this.#timer !== undefined || this.#isClosed) return
    this.#timer = this.#deps.clock.setTimer(LOOK_MS, () => {
      void this.#looks.run(() => this.#look())
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true
    this.#timer?.[Symbol.dispose]()
    await this.#looks.run(async () => {})
  }

  async #look(): Promise<void> {
    this.#timer = undefined
    const connections = [...this.#deps.connections()]
    const owed = connections.filter(([, { isOwed }]) => isOwed).map(([socket]) => socket)
    const repeats = owed.length === 0 ? new Map<string, number>() : repeatsIn(await this.#readTables(), this.#deps.port)
    const now = new Map<Socket, number>()
    for (const socket of owed) {
      const times = repeats.get(nameOf(socket.remoteAddress ?? '', socket.remotePort ?? 0))
      if (times === undefined) continue
      if (times >= FEWEST_REPEATS && times >= (this.#before.get(socket) ?? Infinity)) socket.destroy()
      else now.set(socket, times)
    }
    this.#before = now
    if (connections.length > 0) this.watch()
  }
}

/** By peer, how often what is on its way was sent again; without those to whom nothing was. */
function repeatsIn(tables: string, port: number): Map<string, number> {
  const repeats = new Map<string, number>()
  for (const line of tables.split('\n')) {
    const [, local = '', remote = '', , , timer = '', times = ''] = line.trim().split(/\s+/, 8)
    const count = Number.parseInt(times, 16)
    if (!timer.startsWith(`${RETRANSMISSION}:`) || !(count > 0) || portIn(local) !== port) continue
    repeats.set(nameOf(addressIn(remote), portIn(remote)), count)
  }
  return repeats
}

function nameOf(address: string, port: number): string {
  return `${address.split('%', 1)[0]} ${port}`
}

function portIn(place: string): number {
  return Number.parseInt(place.slice(place.indexOf(':') + 1), 16)
}

/** The kernel writes words of four bytes in the order of the host, which is the last byte first on all that Errand runs on. */
function addressIn(place: string): string {
  const words = place.slice(0, place.indexOf(':')).match(/.{8}/g) ?? []
  const bytes = words.flatMap((word) => (word.match(/../g) ?? []).toReversed())
  if (bytes.length === 4) return bytes.map((byte) => Number.parseInt(byte, 16)).join('.')
  const groups = bytes.join('').match(/.{4}/g) ?? []
  return new SocketAddress({ address: groups.join(':'), family: 'ipv6' }).address
}

async function readTables(): Promise<string> {
  const read = (name: string): Promise<string> => readFile(`/proc/self/net/${name}`, 'utf8').catch(() => '')
  return (await Promise.all([read('tcp'), read('tcp6')])).join('\n')
}
