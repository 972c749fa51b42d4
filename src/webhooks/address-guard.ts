import { BlockList, isIP } from 'node:net'

/** What is no host of the public internet (IANA's registry of special-purpose IPv4 addresses, multicast and beyond). */
const SPECIAL_V4 = [
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
]
/** All that is handed out to hosts; every special range of IPv6 but these few lies outside of it. */
const GLOBAL_V6 = '2000::/3'
/** Protocol assignments (Teredo), documentation, and 6to4, which leads to IPv4 addresses. */
const SPECIAL_V6 = ['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20']

const SPECIAL = blockList([...SPECIAL_V4, ...SPECIAL_V6])
const GLOBAL = blockList([GLOBAL_V6])

/** Which addresses may be connected to for a caller: public ones, and those that the operator names. */
export class AddressGuard {
  readonly #named: BlockList

  /** @param named addresses and networks such as 10.1.0.0/16, checked already */
  constructor(named: readonly string[]) {
    this.#named = blockList(named)
  }

  allows(address: string): boolean {
    const family = familyOf(address)
    if (family === undefined) return false
    if (this.#named.check(address, family)) return true
    return !SPECIAL.check(address, family) && (family === 'ipv4' || GLOBAL.check(address, family))
  }
}

/** Whether a text is an address, or a network such as 10.1.0.0/16. */
export function isNetwork(text: string): boolean {
  const [address = '', prefix, ...rest] = text.split('/')
  const family = familyOf(address)
  if (family === undefined || rest.length > 0) return false
  return prefix === undefined || (/^[0-9]{1,3}$/.test(prefix) && Number(prefix) <= (family === 'ipv4' ? 32 : 128))
}

function blockList(networks: readonly string[]): BlockList {
  const list = new BlockList()
  for (const network of networks) {
    const [address = '', prefix] = network.split('/')
    const family = familyOf(address)
    if (prefix === undefined) list.addAddress(address, family)
    else list.addSubnet(address, Number(prefix), family)
  }
  return list
}

function familyOf(address: string): 'ipv4' | 'ipv6' | undefined {
  const version = isIP(address)
  return version === 0 ? undefined : `ipv${version === 4 ? 4 : 6}`
}
