import { ErrandError } from '../core/errors.ts'
import { describeResource, exceeding, type ResourceKind, type Resources } from '../core/resources.ts'
import type { Lease } from '../resources/ledger.ts'

/** Holders named in a message; the details have them all. */
const NAMED_HOLDERS = 3

/** The refusal of what can never fit, or undefined. `maximum` is the most that one task may have. */
export function findUnsatisfiable(asked: Resources, maximum: Resources): ErrandError | undefined {
  const kinds = exceeding(asked, maximum)
  const [resource] = kinds
  if (resource === undefined) return undefined
  const facts = kinds.map((kind) => {
    return `${describeResource(kind, asked[kind])} asked, at most ${describeResource(kind, maximum[kind])}`
  })
  return new ErrandError('resources_unsatisfiable', `resource limit exceeds the maximum: ${facts.join('; ')}`, {
    details: { resource, asked: asked[resource], maximum: maximum[resource] },
  })
}

export function queueFull(waiting: number, retryAfterMs: number): ErrandError {
  return new ErrandError('queue_full', `${waiting} requests are waiting for resources already`, {
    details: { waiting },
    retryAfterMs,
  })
}

/** Why a request waited in vain. */
export interface Shortage {
  /** Whether the request lacked something itself, or only the first one in the queue did, which blocks those behind it. */
  readonly lackedBy: 'itself' | 'first'
  /** Empty when there would be room by now. */
  readonly missing: readonly ResourceKind[]
  /** By the one that lacks it. */
  readonly asked: Resources
  readonly free: Resources
  /** Requests before it in the queue. */
  readonly ahead: number
  readonly leases: Iterable<Lease>
}

/** The refusal of a request that waited in vain. `details.resource` is the first missing kind, amounts are in its unit. */
export function exhausted(shortage: Shortage, timeoutMs: number, retryAfterMs: number): ErrandError {
  const { lackedBy, missing, asked, free, ahead, leases } = shortage
  const resource = missing[0] ?? 'cpuMillis'
  const holders = [...leases].filter((lease) => missing.some((kind) => lease.resources[kind] > 0))
  const facts = [
    ...(ahead > 0 ? [`${ahead} ahead in the queue`] : []),
    ...missing.map((kind) => {
      const who = lackedBy === 'first' ? ' by the first of them' : ''
      return `${describeResource(kind, asked[kind])} asked${who}, ${describeResource(kind, Math.max(0, free[kind]))} free`
    }),
    ...(holders.length > 0 ? [`held by ${describeHolders(holders, resource)}`] : []),
  ]
  return new ErrandError('resources_exhausted', `no room within ${timeoutMs} ms: ${facts.join('; ')}`, {
    details: {
      resource,
      missing,
      lackedBy,
      asked: asked[resource],
      free: Math.max(0, free[resource]),
      ahead,
      holders: holders.map((lease) => ({ ...lease.holder, ...lease.resources })),
    },
    retryAfterMs,
  })
}

function describeHolders(leases: readonly Lease[], kind: ResourceKind): string {
  const byAmount = leases.toSorted((a, b) => b.resources[kind] - a.resources[kind])
  const named = byAmount.slice(0, NAMED_HOLDERS).map((lease) => {
    return `${lease.holder.image} (${describeResource(kind, lease.resources[kind])})`
  })
  const others = leases.length - named.length
  return others > 0 ? `${named.join(', ')} and ${others} more` : named.join(', ')
}
