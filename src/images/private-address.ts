import { BlockList, isIPv4 } from 'node:net'

/** Everything that is not the public internet: this host, local networks, link-local (cloud metadata), reserved. */
const NOT_PUBLIC: readonly string[] = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '224.0.0.0/3',
  '::/127',
  '64:ff9b::/32',
  'fc00::/7',
  'fe80::/10',
  'fec0::/10',
  'ff00::/8',
]

/** Whether an IP address belongs to this host or to a network that strangers have no business with. */
export function isPrivateAddress(address: string): boolean {
  return blocked.check(address, isIPv4(address) ? 'ipv4' : 'ipv6')
}

const blocked: BlockList = makeBlockList()

function makeBlockList(): BlockList {
  const list = new BlockList()
  for (const range of NOT_PUBLIC) {
    const [network = '', bits = ''] = range.split('/')
    list.addSubnet(network, Number(bits), isIPv4(network) ? 'ipv4' : 'ipv6')
  }
  return list
}
