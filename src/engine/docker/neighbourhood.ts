import { readFile } from 'node:fs/promises'

/** Packets of a route that needs no router go straight to the address: RTF_GATEWAY of linux/route.h. */
const ROUTER = 0x2

/**
 * Whether this process is on one of the networks itself: the host is on all bridges, a container on those that it was
 * connected to. `routes` is the text of `/proc/net/route`, of which each line is
 * `DEVICE DESTINATION ROUTER FLAGS COUNT USE METRIC MASK ...`, addresses as the processor keeps them.
 */
export function isConnected(subnets: readonly string[], routes: string): boolean {
  const wanted = new Set(subnets.map(toEntry))
  return routes
    .split('\n')
    .map((line) => line.split('\t'))
    .some(([, destination, , flags = '', , , , mask]) => {
      const isStraight = (Number.parseInt(flags, 16) & ROUTER) === 0
      return isStraight && wanted.has(`${destination}/${mask}`)
    })
}

/** The routes of this process's network namespace. */
export async function readRoutes(): Promise<string> {
  return readFile('/proc/net/route', 'utf8')
}

/** `10.1.2.0/24` as `0002010A/00FFFFFF`, on a little-endian processor, as all are that Node.js runs on here. */
function toEntry(subnet: string): string {
  const [address = '', length = ''] = subnet.split('/')
  const mask = [0, 8, 16, 24].map((at) => 256 - 2 ** (8 - Math.min(8, Math.max(0, Number(length) - at))))
  const bytes = address.split('.').map(Number)
  return `${toHex(bytes.map((byte, index) => byte & (mask[index] ?? 0)))}/${toHex(mask)}`
}

function toHex(bytes: readonly number[]): string {
  return bytes
    .toReversed()
    .map((byte) => byte.toString(16).padStart(2, '0').toUpperCase())
    .join('')
}
