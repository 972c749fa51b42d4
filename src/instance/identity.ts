import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Resources } from '../core/resources.ts'
import { type KeyedTask, readTaskKey, type TaskKey } from '../core/task.ts'
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

/** Under the mac, in this order; those of one kind only where they are. */
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
const SIGNED_IF_PRESENT = ['dev.errand.executor', 'dev.errand.job', 'dev.errand.task', 'dev.errand.setup'] as const

/** What a sandbox is for. */
export type SandboxOwner =
  | {
      readonly kind: 'warm'
      readonly id: string
      /** Whose instance it is, and of which task. */
      readonly key: TaskKey
      /** A digest of everything that shaped it: one that a start would make otherwise today is of no more use. */
      readonly setup: string
    }
  | {
      readonly kind: 'execution'
      readonly id: string
      readonly executor: string
      readonly job: string
      readonly attempt: number
    }

/** A warm instance as its labels tell of it, to whoever finds it later. */
export interface WarmRecord extends KeyedTask {
  readonly id: string
  readonly key: TaskKey
  readonly setup: string
  /** What its lease held. */
  readonly leased: Resources
}

/**
 * Name and labels of a sandbox; each try has a name of its own. `lease` is `cpuMillis,memoryBytes,gpus`, `endpoint` the
 * port it serves on, or nothing, `spec` the image id and the runtime, `task` the fields of the task's key as JSON.
 */
export function identify(
  installation: Installation,
  node: string,
  owner: SandboxOwner,
  spec: SandboxSpec,
  tries = 1,
  leased: Resources = spec.resources,
): SandboxIdentity {
  const attempt = owner.kind === 'warm' ? tries : owner.attempt
  const suffix = owner.kind === 'warm' || tries === 1 ? '' : `-${tries}`
  const name = `errand-${node}-${owner.id}-${attempt}${suffix}`
  const { cpuMillis, memoryBytes, gpus } = leased
  const base: Record<(typeof SIGNED_LABELS)[number], string> = {
    [INSTALLATION_LABEL]: installation.id,
    'dev.errand.node': node,
    'dev.errand.kind': owner.kind,
    'dev.errand.id': owner.id,
    'dev.errand.attempt': String(attempt),
    'dev.errand.spec': `${spec.imageId},${spec.runtime}`,
    'dev.errand.lease': `${cpuMillis},${memoryBytes},${gpus}`,
    'dev.errand.endpoint': String(spec.port ?? ''),
  }
  const labels = { ...base, ...(owner.kind === 'warm' ? warmLabels(owner) : executionLabels(owner)) }
  return { name, labels: { ...labels, [MAC_LABEL]: sign(installation.macKey, name, labels) } }
}

/** What a sandbox of ours is for. */
export function kindOf({ labels }: Pick<SandboxListing, 'labels'>): string | undefined {
  return labels['dev.errand.kind']
}

/** Whose it is: the id of an execution or of a warm instance. */
export function ownerIdOf({ labels }: Pick<SandboxListing, 'labels'>): string {
  return labels['dev.errand.id'] ?? ''
}

/** What the labels of an execution's sandbox say of it; undefined for any other sandbox. Check the mac before. */
export function describeExecution({ labels }: Pick<SandboxListing, 'labels'>): LabelledExecution | undefined {
  const { 'dev.errand.executor': executor, 'dev.errand.job': job, 'dev.errand.spec': spec = '' } = labels
  if (kindOf({ labels }) !== 'execution' || executor === undefined || job === undefined) return undefined
  const [cpuMillis = 0, memoryBytes = 0, gpus = 0] = (labels['dev.errand.lease'] ?? '').split(',').map(Number)
  return {
    id: labels['dev.errand.id'] ?? '',
    executor,
    job,
    attempt: Number(labels['dev.errand.attempt']),
    imageId: spec.split(',')[0] ?? '',
    resources: { cpuMillis, memoryBytes, gpus },
  }
}

export interface LabelledExecution {
  readonly id: string
  readonly executor: string
  readonly job: string
  readonly attempt: number
  readonly imageId: string
  readonly resources: Resources
}

/** Undefined for what is no warm instance, and for one of a version that recorded less. */
export function warmRecordOf({ labels }: Pick<SandboxListing, 'labels'>): WarmRecord | undefined {
  const key = keyIn(labels['dev.errand.task'] ?? '')
  const keyed = readTaskKey(key)
  const setup = labels['dev.errand.setup']
  if (kindOf({ labels }) !== 'warm' || keyed === undefined || setup === undefined) return undefined
  const [cpuMillis = 0, memoryBytes = 0, gpus = 0] = (labels['dev.errand.lease'] ?? '').split(',').map(Number)
  const id = ownerIdOf({ labels })
  return { ...keyed, id, key, setup, leased: { cpuMillis, memoryBytes, gpus } }
}

function warmLabels({ key, setup }: { readonly key: TaskKey; readonly setup: string }): Record<string, string> {
  return { 'dev.errand.task': JSON.stringify(key.split('\n')), 'dev.errand.setup': setup }
}

/** Our mac covers the label, so that it is ours or of another version of ours. */
function keyIn(label: string): TaskKey {
  try {
    return (JSON.parse(label) as string[]).join('\n') as TaskKey
  } catch {
    return '' as TaskKey
  }
}

function executionLabels(owner: { readonly executor: string; readonly job: string }): Record<string, string> {
  return { 'dev.errand.executor': owner.executor, 'dev.errand.job': owner.job }
}

/** Which attempt at an execution, from 1. */
export function attemptOf({ labels }: Pick<SandboxListing, 'labels'>): number {
  return Number(labels['dev.errand.attempt'])
}

/** Whether a sandbox was made by this installation. Nothing else may be touched. */
export function isOurs(installation: Installation, listing: Pick<SandboxListing, 'name' | 'labels'>): boolean {
  if (listing.labels[INSTALLATION_LABEL] !== installation.id) return false
  const expected = Buffer.from(sign(installation.macKey, listing.name, listing.labels))
  const found = Buffer.from(listing.labels[MAC_LABEL] ?? '')
  return found.length === expected.length && timingSafeEqual(found, expected)
}

function sign(key: Buffer, name: string, labels: Readonly<Record<string, string>>): string {
  // An image may bring any of them, which is then empty.
  const present = SIGNED_IF_PRESENT.filter((label) => (labels[label] ?? '') !== '')
  const fields = [...SIGNED_LABELS, ...present].map((label) => labels[label] ?? null)
  return createHmac('sha256', key)
    .update(JSON.stringify([name, ...fields]))
    .digest('hex')
}
