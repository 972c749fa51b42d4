import { isIP, SocketAddress } from 'node:net'

/** The one way to write an IP address among several; undefined for what is none, and for one with a zone. */
export function canonicalIp(text: string): string | undefined {
  const family = isIP(text)
  if (family === 0 || text.includes('%')) return undefined
  return new SocketAddress({ address: text, family: family === 4 ? 'ipv4' : 'ipv6' }).address
}
