import { mapResources, RESOURCE_KINDS, type ResourceKind, type Resources } from '../core/resources.ts'

/**
 * What is missing of `available` for `asked`, zero where enough is there. A kind that is not asked for is never missing,
 * even where `available` is negative after the capacity was lowered: a task without GPUs does not wait for GPUs.
 */
export function shortfall(asked: Resources, available: Resources): Resources {
  return mapResources((kind) => (asked[kind] > 0 ? Math.max(0, asked[kind] - available[kind]) : 0))
}

export function kindsIn(resources: Resources): ResourceKind[] {
  return RESOURCE_KINDS.filter((kind) => resources[kind] > 0)
}
