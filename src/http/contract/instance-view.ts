import { z } from 'zod'
import { count } from './fields.ts'
import { type ResourcesView, resourcesView } from './node-view.ts'

/** One warm instance. */
export interface InstanceView {
  readonly id: string
  /** Whose it is. */
  readonly caller: string
  /** The name of its task, where that has one. */
  readonly task?: string
  readonly image: { readonly reference: string; readonly id: string; readonly digest?: string }
  /** `starting`: not ready yet. `leaving`: given no more requests, and gone as soon as it has answered those that it has. */
  readonly state: 'starting' | 'idle' | 'busy' | 'leaving'
  /** Requests that it is answering now, and has answered. */
  readonly active: number
  readonly answered: number
  readonly ageMs: number
  readonly idleMs?: number
  /** What it holds of the node. */
  readonly resources: ResourcesView
}

export interface InstanceList {
  readonly instances: readonly InstanceView[]
}

export const instanceView: z.ZodType<InstanceView> = z
  .object({
    id: z.string(),
    caller: z.string(),
    task: z.string().exactOptional(),
    image: z.object({ reference: z.string(), id: z.string(), digest: z.string().exactOptional() }),
    state: z.enum(['starting', 'idle', 'busy', 'leaving']),
    active: count,
    answered: count,
    ageMs: count,
    idleMs: count.exactOptional(),
    resources: resourcesView,
  })
  .meta({ id: 'Instance' })

export const instanceList: z.ZodType<InstanceList> = z
  .object({ instances: z.array(instanceView) })
  .meta({ id: 'InstanceList' })
