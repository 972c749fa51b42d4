import { z } from 'zod'
import { ISOLATIONS, type Isolation } from '../../core/task.ts'
import { type AskedView, askedView, count, time } from './fields.ts'

/** A named task. Its environment is told by names alone: values may be secrets. */
export interface TaskView {
  readonly name: string
  /** Whose it is. */
  readonly caller: string
  readonly created: string
  /** When it was last defined otherwise. */
  readonly updated: string
  readonly image: string
  readonly entrypoint?: readonly string[]
  readonly cmd?: readonly string[]
  readonly env: readonly string[]
  readonly workingDir?: string
  readonly user?: string
  readonly resources: AskedView
  readonly isolation: Isolation
  readonly sgx: boolean
  readonly network?: 'none' | 'internal' | 'egress'
  readonly profile?: 'standard' | 'strict'
  readonly preset?: string
  /** The names of its scripts. */
  readonly provision?: readonly string[]
  readonly port?: number
  readonly readiness: string
  readonly concurrency?: number | 'unlimited'
  readonly keepAliveMs?: number
  readonly startTimeoutMs?: number
  readonly requestTimeoutMs?: number
}

/** By name. `cursor` asks for the next page; absent on the last one. */
export interface TaskPage {
  readonly tasks: readonly TaskView[]
  readonly cursor?: string
}

const texts = z.array(z.string())

export const taskView: z.ZodType<TaskView> = z
  .object({
    name: z.string(),
    caller: z.string(),
    created: time,
    updated: time,
    image: z.string(),
    entrypoint: texts.exactOptional(),
    cmd: texts.exactOptional(),
    env: texts.describe('The names of its variables; values are not told.'),
    workingDir: z.string().exactOptional(),
    user: z.string().exactOptional(),
    resources: askedView,
    isolation: z.enum(ISOLATIONS),
    sgx: z.boolean(),
    network: z.enum(['none', 'internal', 'egress']).exactOptional(),
    profile: z.enum(['standard', 'strict']).exactOptional(),
    preset: z.string().exactOptional(),
    provision: texts.exactOptional().describe('The names of its scripts; what is in them is not told.'),
    port: count.exactOptional(),
    readiness: z.string(),
    concurrency: z.union([count, z.literal('unlimited')]).exactOptional(),
    keepAliveMs: count.exactOptional(),
    startTimeoutMs: count.exactOptional(),
    requestTimeoutMs: count.exactOptional(),
  })
  .meta({ id: 'Task' })

export const taskPage: z.ZodType<TaskPage> = z
  .object({ tasks: z.array(taskView), cursor: z.string().exactOptional() })
  .meta({ id: 'TaskPage' })
