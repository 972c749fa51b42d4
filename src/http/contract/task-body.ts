import { z } from 'zod'
import { ISOLATIONS, type Isolation } from '../../core/task.ts'
import { milliseconds, type ResourcesBody, resources, words } from './fields.ts'

/** What a named task is: the body of `PUT /v1/tasks/{name}`. Sizes are in bytes once it is read. */
export interface NamedTaskBody<Size = number> {
  readonly image: string
  readonly entrypoint?: readonly string[]
  readonly cmd?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly workingDir?: string
  readonly user?: string
  readonly resources?: ResourcesBody<Size>
  readonly isolation?: Isolation
  readonly sgx?: boolean
  readonly network?: 'internal' | 'egress'
  readonly profile?: 'standard' | 'strict'
  readonly preset?: string
  readonly port?: number
  readonly readiness?: string
  readonly concurrency?: number | 'unlimited'
  readonly keepAliveMs?: number
  readonly startTimeoutMs?: number
  readonly requestTimeoutMs?: number
}

/** As it may be written. */
export type NamedTaskBodyIn = NamedTaskBody<number | string>

/** Strict: nobody believes in a limit that nobody sets. */
export const namedTaskBody: z.ZodType<NamedTaskBody, NamedTaskBodyIn> = z.strictObject({
  image: z.string().min(1).describe('A reference, or the id of an image.'),
  entrypoint: words.exactOptional(),
  cmd: words.exactOptional(),
  env: z.record(z.string(), z.string()).exactOptional(),
  workingDir: z.string().exactOptional(),
  user: z.string().exactOptional(),
  resources: resources.exactOptional(),
  isolation: z.enum(ISOLATIONS).exactOptional(),
  sgx: z.boolean().exactOptional(),
  network: z.enum(['internal', 'egress']).exactOptional(),
  profile: z.enum(['standard', 'strict']).exactOptional(),
  preset: z.string().min(1).max(64).exactOptional(),
  port: z.int().min(1).max(65_535).exactOptional().describe('On which its server listens. Default: 8080.'),
  readiness: z
    .string()
    .regex(/^(?:mark|connect|http:\/[!-~]*)$/, 'must be mark, connect or http:PATH')
    .exactOptional()
    .describe('`mark`, `connect` or `http:PATH`. Default: `connect`.'),
  concurrency: z
    .union([z.int().min(1).max(1_000_000), z.literal('unlimited')])
    .exactOptional()
    .describe('Requests that one instance answers at once.'),
  keepAliveMs: milliseconds.exactOptional().describe('How long an idle instance stays.'),
  startTimeoutMs: milliseconds.exactOptional(),
  requestTimeoutMs: milliseconds.exactOptional().describe('How long nothing may come of a request.'),
})
