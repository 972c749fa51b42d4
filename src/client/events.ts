import type { EventView } from '../http/contract/event-view.ts'
import { followEvents } from '../http/contract/operations/node.ts'
import type { Calls } from './calls.ts'
import { follow } from './feed.ts'
import type { CallOptions } from './options.ts'

export interface EventOptions extends CallOptions {
  /** The `seq` of the last event that was seen. Default: what comes from now on. */
  readonly since?: number
}

/** What happens on a node. */
export type NodeEvent =
  /** The status of an execution changed. */
  | { readonly name: 'execution'; readonly execution: EventView }
  /** Some changes were not told, and cannot be any more: look at the records. */
  | { readonly name: 'gap' }

const GAP = { event: 'gap', data: '{}' }

/** Names that a newer node may have are left out. */
export async function* readEvents(calls: Calls, options: EventOptions): AsyncGenerator<NodeEvent, void, undefined> {
  const { since } = options
  const unknown = since === undefined ? { unknown: GAP } : {}
  const request = { ...options, operation: followEvents, query: () => ({ since }), ...unknown }
  for await (const { event, data } of follow(calls, request)) {
    if (event === 'gap') yield { name: 'gap' }
    if (event === 'execution') yield { name: 'execution', execution: JSON.parse(data) as EventView }
  }
}
