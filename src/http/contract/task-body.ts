import { z } from 'zod'
import { concurrency, milliseconds, port, readiness } from '../../core/request-fields.ts'
import { ISOLATIONS, type Isolation, MOST_PORTS } from '../../core/task.ts'
import { MOST_ITEMS, type ResourcesBody, resources, variable, words } from './fields.ts'

// What to run, in executions and as named tasks. Strict: nobody believes in a limit that nobody sets.

/** What a program is started with. What is absent is as the image has it. */
interface ProcessFields {
  readonly image: string
  readonly entrypoint?: readonly string[]
  readonly cmd?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly workingDir?: string
  readonly user?: string
}

const process = {
  image: z.string().min(1),
  entrypoint: words.exactOptional(),
  cmd: words.exactOptional(),
  env: z.record(variable, z.string()).exactOptional(),
  workingDir: z.string().exactOptional(),
  user: z.string().exactOptional(),
}

/** What is around it. */
interface SandboxFields<Size> {
  readonly resources?: ResourcesBody<Size>
  /** Default: `container`. */
  readonly isolation?: Isolation
  /** Default: false. */
  readonly sgx?: boolean
  readonly profile?: 'standard' | 'strict'
  /** What it gets beyond its profile, by a name that the node's owner grants. */
  readonly preset?: string
}

const sandbox = {
  resources: resources.exactOptional(),
  isolation: z.enum(ISOLATIONS).exactOptional(),
  sgx: z.boolean().exactOptional(),
  profile: z.enum(['standard', 'strict']).exactOptional(),
  preset: z.string().min(1).max(64).exactOptional(),
}

/** The same of what is run once. */
export interface SurroundingsBody<Size = number> extends SandboxFields<Size> {
  readonly network?: 'none' | 'internal' | 'egress'
  readonly ports?: readonly PortBody[]
  readonly provision?: readonly ScriptBody[]
  readonly stopSignal?: string
}

interface ScriptBody {
  readonly name: string
  readonly content: string
  /** Of `content`. Default: `utf8`. */
  readonly encoding?: 'utf8' | 'base64'
  readonly args?: readonly string[]
}

export interface PortBody {
  readonly port: number
  readonly protocol?: 'tcp' | 'udp'
  readonly hostIp?: string
  readonly hostPort?: number
}

const published = z.strictObject({
  port,
  protocol: z.enum(['tcp', 'udp']).exactOptional(),
  hostIp: z.string().exactOptional().describe('Default: 127.0.0.1. What is allowed is for the operator to say.'),
  hostPort: z.int().min(0).max(65_535).exactOptional(),
})

const script = z.strictObject({
  name: z.string(),
  content: z.string(),
  encoding: z.enum(['utf8', 'base64']).exactOptional(),
  args: words.exactOptional(),
})

const surroundings = {
  ...sandbox,
  network: z.enum(['none', 'internal', 'egress']).exactOptional(),
  ports: z.array(published).max(MOST_PORTS).exactOptional(),
  provision: z.array(script).max(MOST_ITEMS).exactOptional(),
  stopSignal: z
    .string()
    .regex(/^SIG[A-Z0-9+-]{1,12}$/, 'must name a signal, such as SIGTERM')
    .exactOptional(),
}

/** What an execution runs. Sizes are in bytes once it is read. */
export interface TaskBody<Size = number> extends ProcessFields, SurroundingsBody<Size> {}

export const taskBody: z.ZodType<TaskBody, TaskBody<number | string>> = z.strictObject({ ...process, ...surroundings })

/** The same in an engine's own words. */
export interface EngineSpecBody<Size = number> extends SurroundingsBody<Size> {
  readonly type: string
  readonly params: Readonly<Record<string, unknown>>
}

export const engineSpecBody: z.ZodType<EngineSpecBody, EngineSpecBody<number | string>> = z.strictObject({
  type: z.string().min(1).max(64),
  params: z.record(z.string(), z.unknown()),
  ...surroundings,
})

/** What a named task is: the body of `PUT /v1/tasks/{name}`. Sizes are in bytes once it is read. */
export interface NamedTaskBody<Size = number> extends ProcessFields, SandboxFields<Size> {
  readonly network?: 'internal' | 'egress'
  readonly port?: number
  readonly readiness?: string
  readonly concurrency?: number | 'unlimited'
  readonly keepAliveMs?: number
  readonly startTimeoutMs?: number
  readonly requestTimeoutMs?: number
}

/** As it may be written. */
export type NamedTaskBodyIn = NamedTaskBody<number | string>

export const namedTaskBody: z.ZodType<NamedTaskBody, NamedTaskBodyIn> = z.strictObject({
  ...process,
  image: process.image.describe('A reference, or the id of an image.'),
  ...sandbox,
  network: z.enum(['internal', 'egress']).exactOptional(),
  port: port.exactOptional().describe('On which its server listens. Default: 8080.'),
  readiness: readiness.exactOptional().describe('`mark`, `connect` or `http:PATH`. Default: `connect`.'),
  concurrency: concurrency.exactOptional().describe('Requests that one instance answers at once.'),
  keepAliveMs: milliseconds.exactOptional().describe('How long an idle instance stays.'),
  startTimeoutMs: milliseconds.exactOptional(),
  requestTimeoutMs: milliseconds.exactOptional().describe('How long nothing may come of a request.'),
})
