export type GpuVendor = 'nvidia' | 'amd' | 'intel'

const NAMES: ReadonlyMap<string, GpuVendor> = new Map([
  ['nvidia', 'nvidia'],
  ['amd', 'amd'],
  ['ati', 'amd'],
  ['advanced micro devices', 'amd'],
  ['intel', 'intel'],
])

/** As the PCI registry numbers them. */
const PCI_IDS: ReadonlyMap<string, GpuVendor> = new Map([
  ['10de', 'nvidia'],
  ['1002', 'amd'],
  ['8086', 'intel'],
])

/** No vendor's name or id is longer than this. */
const MAX_LENGTH = 256

/**
 * Who made a GPU, from a vendor's name as `lspci` and vendors' tools print it, or from a PCI vendor id (`0x10de`, `10de`).
 * Undefined when it names none of ours, or more than one. Names count as whole words: `CORPORATION` contains `ATI`.
 */
export function parseGpuVendor(text: string): GpuVendor | undefined {
  if (text.length > MAX_LENGTH) return undefined
  const words = text.toLowerCase().split(/[^a-z0-9]+/)
  return vendorOfId(text) ?? only(vendorsIn(` ${words.join(' ')} `))
}

function vendorOfId(text: string): GpuVendor | undefined {
  return PCI_IDS.get(text.trim().toLowerCase().replace(/^0x/, ''))
}

function vendorsIn(words: string): Set<GpuVendor> {
  return new Set([...NAMES].filter(([name]) => words.includes(` ${name} `)).map(([, vendor]) => vendor))
}

function only(vendors: ReadonlySet<GpuVendor>): GpuVendor | undefined {
  const [vendor] = vendors
  return vendors.size === 1 ? vendor : undefined
}
