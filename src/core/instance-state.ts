/** Where an instance is in its life. One union; `canBecome` holds the only legal moves. */
export type InstanceState =
  /** Its lease is held and its name chosen; the engine knows nothing of it. */
  | 'planned'
  /** The engine was asked to create it. */
  | 'creating'
  /** Created; starting, or started and not yet ready. */
  | 'starting'
  /** Serves requests. Whether it is idle or lent is the pool's affair. */
  | 'ready'
  /** Told to stop, or being removed. */
  | 'stopping'
  /** An engine call gave no answer in time: only inspection can tell. Still holds its lease. */
  | 'unknown'
  /** The engine confirmed that nothing of it is left. Its lease is released. */
  | 'gone'

const NEXT: Record<InstanceState, readonly InstanceState[]> = {
  planned: ['creating', 'gone'],
  creating: ['starting', 'stopping', 'unknown', 'gone'],
  starting: ['ready', 'stopping', 'unknown'],
  ready: ['stopping', 'unknown'],
  stopping: ['gone', 'unknown'],
  unknown: ['creating', 'starting', 'stopping', 'ready', 'gone'],
  gone: [],
}

export function canBecome(from: InstanceState, to: InstanceState): boolean {
  return NEXT[from].includes(to)
}
