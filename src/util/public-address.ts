import { isIPv4 } from 'node:net'
import { IpNetworks } from './ip-networks.ts'

/** All that is handed out to hosts. Of IPv6, everything that is not has a purpose of its own, or none yet. */
const GLOBAL = new IpNetworks(['2000::/3'])

/** What among that is no host of the public internet (IANA's registries of special-purpose addresses, multicast and beyond). */
const SPECIAL = new IpNetworks([
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
  // Protocol assignments (Teredo), documentation, and 6to4, which leads to IPv4 addresses.
  '2001::/23',
  '2001:db8::/32',
  '2002::/16',
  '3fff::/20',
])

/** Whether an address is one of the public internet: not of this host, nor of a network that strangers have no business with. */
export function isPublicAddress(address: string): boolean {
  return (isIPv4(address) || GLOBAL.has(address)) && !SPECIAL.has(address)
}
