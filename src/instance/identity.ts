import { createHmac, timingSafeEqual } from 'node:crypto'
import type { SandboxIdentity, SandboxListing, SandboxSpec } from '../engine/engine.ts'

/** One state folder's identity: what its sandboxes are known by, across restarts. */
export interface Installation {
  readonly id: string
  /** Proves that a label was written by us: an image can carry labels too. */
  readonly macKey: Buffer
}

/** The label that finds everything of an installation. */
export const INSTALLATION_LABEL = 'dev.errand.installation'

const MAC_LABEL = 'dev.errand.mac'

/** Under the mac, in this order. */
const SIGNED_LABELS = [
  INSTALLATION_LABEL,
  'dev.errand.node',
  'dev.errand.kind',
  'dev.errand.id',
  'dev.errand.attempt',
  'dev.errand.spec',
  'dev.errand.lease',
  'dev.errand.endpoint',
] as const

/**
 * Name and labels of a warm instance; a later attempt has another name. `lease` is `cpuMillis,memoryBytes,gpus`, `endpoint` the port it serves on, `spec`
 * the image id and the runtime.
 */
export function identify(
  installation: Installation,
  node: string,
  id: string,
  spec: SandboxSpec,
  attempt = 1,
): SandboxIdentity {
  const name = `errand-${node}-${id}-${attempt}`
  const { cpuMillis, memoryBytes, gpus } = spec.resources
  const labels: Record<(typeof SIGNED_LABELS)[number], string> = {
    [INSTALLATION_LABEL]: installation.id,
    'dev.errand.node': node,
    'dev.errand.kind': 'warm',
    'dev.errand.id': id,
    'dev.errand.attempt': String(attempt),
    'dev.errand.spec': `${spec.imageId},${spec.runtime}`,
    'dev.errand.lease': `${cpuMillis},${memoryBytes},${gpus}`,
    'dev.errand.endpoint': String(spec.port),
  }
  return { name, labels: { ...labels, [MAC_LABEL]: sign(installation.macKey, name, labels) } }
}

/** Whether a sandbox was made by this installation. Nothing else may be touched. */
export function isOurs(installation: Installation, listing: Pick<SandboxListing, 'name' | 'labels'>): boolean {
  if (listing.labels[INSTALLATION_LABEL] !== installation.id) return false
  const expected = Buffer.from(sign(installation.macKey, listing.name, listing.labels))
  const found = Buffer.from(listing.labels[MAC_LABEL] ?? '')
  return found.length === expected.length && timingSafeEqual(found, expected)
}

function sign(key: Buffer, name: string, labels: Readonly<Record<string, string>>): string {
  const fields = SIGNED_LABELS.map((label) => labels[label] ?? null)
  return createHmac('sha256', key)
    .update(JSON.stringify([name, ...fields]))
    .digest('hex')
}
