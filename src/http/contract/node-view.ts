import { z } from 'zod'
import { count } from './fields.ts'

/** The rest is absent while the node takes no work. */
export interface NodeView {
  readonly node: string
  readonly state: 'serving' | 'paused' | 'draining'
  readonly host?: {
    readonly cpu: number
    readonly memory: number
    /** Shares in use by anybody, 0 to 1. */
    readonly cpuUsed: number
    readonly memoryUsed: number
  }
  /** What work may take in all, and what it holds of that. */
  readonly offered?: ResourcesView
  readonly leased?: ResourcesView
}

export interface ResourcesView {
  readonly cpu: number
  readonly memory: number
  readonly gpus: number
}

const resources: z.ZodType<ResourcesView> = z.object({ cpu: z.number().min(0), memory: count, gpus: count })
const share = z.number().min(0).max(1)

export const nodeView: z.ZodType<NodeView> = z
  .object({
    node: z.string(),
    state: z.enum(['serving', 'paused', 'draining']),
    host: z.object({ cpu: z.number().min(0), memory: count, cpuUsed: share, memoryUsed: share }).exactOptional(),
    offered: resources.exactOptional(),
    leased: resources.exactOptional(),
  })
  .meta({ id: 'Node' })
