import { isIPv4 } from 'node:net'

const MAPPED_PREFIX = '::ffff:'
/** Groups of 16 bits in the network part of an IPv6 address; whoever has one such network has all addresses in it. */
const NETWORK_GROUPS = 4

/** Counts connections by peer. */
export class Peers {
  readonly #most: number
  readonly #counts = new Map<string, number>()

  constructor(most: number) {
    this.#most = most
  }

  /** Counts one more, which `leave` takes back with the same key. False, and not counted, when the peer has its most. */
  enter(peer: string): boolean {
    const count = this.#counts.get(peer) ?? 0
    if (count >= this.#most) return false
    this.#counts.set(peer, count + 1)
    return true
  }

  leave(peer: string): void {
    const count = (this.#counts.get(peer) ?? 0) - 1
    if (count > 0) this.#counts.set(peer, count)
    else this.#counts.delete(peer)
  }
}

/** Who is behind an address: the IPv4 address, also where IPv6 carries it, or the IPv6 network of 64 bits. */
export function peerOf(address: string): string {
  const bare = address.startsWith(MAPPED_PREFIX) ? address.slice(MAPPED_PREFIX.length) : address
  if (isIPv4(bare)) return bare
  const [head = '', tail] = (address.split('%', 1)[0] ?? '').split('::')
  const groups = head === '' ? [] : head.split(':')
  const trailing = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = Array.from({ length: Math.max(0, 8 - groups.length - trailing.length) }, () => '0')
  return [...groups, ...zeros, ...trailing].slice(0, NETWORK_GROUPS).join(':')
}
