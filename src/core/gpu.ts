export type GpuVendor = (typeof GPU_VENDORS)[number]

export const GPU_VENDORS = ['nvidia', 'amd', 'intel'] as const

/** Whole devices that are alike. What is absent does not matter. */
export interface GpuRequest {
  /** Default: 1. */
  readonly count?: number
  readonly vendor?: GpuVendor
  /** As its vendor calls it, such as `NVIDIA A100-SXM4-80GB`. */
  readonly model?: string
  /** Of each device. */
  readonly minMemoryBytes?: number
  /** This very device and no other, so `count` can only be 1. */
  readonly uuid?: string
}

/** A device that an execution has for itself. */
export interface AssignedGpu {
  /** NVIDIA's only. */
  readonly uuid?: string
  readonly vendor: GpuVendor
  readonly model: string
}

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

export function countGpus(requests: readonly GpuRequest[]): number {
  return requests.reduce((sum, { count = 1 }) => sum + count, 0)
}

/** For people: `2 (vendor nvidia, model A100) and 1`. */
export function describeGpus(requests: readonly GpuRequest[]): string {
  return requests.map(describeRequest).join(' and ')
}

function describeRequest({ count = 1, vendor, model, minMemoryBytes, uuid }: GpuRequest): string {
  const wishes = [
    ...(vendor === undefined ? [] : [`vendor ${vendor}`]),
    ...(model === undefined ? [] : [`model ${model}`]),
    ...(minMemoryBytes === undefined ? [] : [`at least ${minMemoryBytes} bytes of memory`]),
    ...(uuid === undefined ? [] : [uuid]),
  ]
  return wishes.length === 0 ? String(count) : `${count} (${wishes.join(', ')})`
}

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
