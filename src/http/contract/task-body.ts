import { z } from 'zod'
import { concurrency, MOST_ITEMS, milliseconds, port, readiness, variable } from '../../core/request-fields.ts'
import { ISOLATIONS, type Isolation, MOST_PORTS } from '../../core/task.ts'
import { type ResourcesBody, resources, words } from './fields.ts'

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
  image: z.string().min(1).describe('A reference, or the id of an image.'),
  entrypoint: words.exactOptional().describe('Default: as the image has it.'),
  cmd: words.exactOptional().describe('The command, or the arguments of the entrypoint. Default: as the image has it.'),
  env: z.record(variable, z.string()).exactOptional().describe('Variables, over those of the image.'),
  workingDir: z.string().exactOptional().describe('Default: as the image has it.'),
  user: z.string().exactOptional().describe('`USER` or `USER:GROUP`, names or numbers. Default: as the image has it.'),
}

interface ScriptBody {
  readonly name: string
  readonly content: string
  /** Of `content`. Default: `utf8`. */
  readonly encoding?: 'utf8' | 'base64'
  readonly args?: readonly string[]
}

const script = z.strictObject({
  name: z.string().describe('Of its file.'),
  content: z.string(),
  encoding: z.enum(['utf8', 'base64']).exactOptional().describe('Of `content`. Default: `utf8`.'),
  args: words.exactOptional().describe('Default: none.'),
})

const provision = z
  .array(script)
  .max(MOST_ITEMS)
  .exactOptional()
  .describe('Scripts that run before its command, in order.')

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
  /** Scripts that run before its command. */
  readonly provision?: readonly ScriptBody[]
}

const sandbox = {
  resources: resources.exactOptional().describe('What it may use, and what is set aside for it.'),
  isolation: z.enum(ISOLATIONS).exactOptional().describe('Default: `container`. What there is, says `GET /v1/node`.'),
  sgx: z.boolean().exactOptional().describe('Whether it gets the SGX devices of the host. Default: false.'),
  profile: z
    .enum(['standard', 'strict'])
    .exactOptional()
    .describe('Default: as the node has it, which may demand more.'),
  preset: z
    .string()
    .min(1)
    .max(64)
    .exactOptional()
    .describe('What it gets beyond its profile, by a name that the operator grants. Default: none.'),
}

/** The same of what is run once. */
export interface SurroundingsBody<Size = number> extends SandboxFields<Size> {
  readonly network?: 'none' | 'internal' | 'egress'
  readonly ports?: readonly PortBody[]
  readonly stopSignal?: string
}

export interface PortBody {
  readonly port: number
  readonly protocol?: 'tcp' | 'udp'
  readonly hostIp?: string
  readonly hostPort?: number
}

const published = z.strictObject({
  port: port.describe('On which it listens inside.'),
  protocol: z.enum(['tcp', 'udp']).exactOptional().describe('Default: `tcp`.'),
  hostIp: z.string().exactOptional().describe('Default: 127.0.0.1. What is allowed is for the operator to say.'),
  hostPort: z.int().min(0).max(65_535).exactOptional().describe('Absent or 0: one that is free, told in `ports`.'),
})

const surroundings = {
  ...sandbox,
  network: z.enum(['none', 'internal', 'egress']).exactOptional().describe('Default: `none`.'),
  ports: z.array(published).max(MOST_PORTS).exactOptional().describe('Published on the host. Default: none.'),
  provision,
  stopSignal: z
    .string()
    .regex(/^SIG[A-Z0-9+-]{1,12}$/, 'must name a signal, such as SIGTERM')
    .exactOptional()
    .describe('By which it is told to end. Default: `SIGTERM`.'),
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
  type: z.string().min(1).max(64).describe('The name of an engine.'),
  params: z.record(z.string(), z.unknown()).describe('What to run, as that engine takes it.'),
  ...surroundings,
})

/** What a named task is: the body of `PUT /v1/tasks/{name}`. Sizes are in bytes once it is read. */
export interface NamedTaskBody<Size = number> extends ProcessFields, SandboxFields<Size> {
  readonly network?: 'none' | 'internal' | 'egress'
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
  ...sandbox,
  network: z
    .enum(['none', 'internal', 'egress'])
    .exactOptional()
    .describe(
      'Default: as the node has it. With `none` it has to serve on the unix socket that `ERRAND_SOCKET` names.',
    ),
  port: port.exactOptional().describe('On which its server listens. Default: 8080. Not with `network: none`.'),
  ports: z
    .never('no port is published for a named task, which may have many instances: it is asked by its name')
    .exactOptional()
    .describe('Refused: ports of the host are for executions.'),
  provision,
  readiness: readiness.exactOptional().describe('`mark`, `connect` or `http:PATH`. Default: `connect`.'),
  concurrency: concurrency
    .exactOptional()
    .describe('Requests that one instance answers at once. Default: as the node has it.'),
  keepAliveMs: milliseconds.exactOptional().describe('How long an idle instance stays. Default: as the node has it.'),
  startTimeoutMs: milliseconds
    .exactOptional()
    .describe('How long it may take to be ready. Default: as the node has it.'),
  requestTimeoutMs: milliseconds
    .exactOptional()
    .describe('How long nothing may come of a request. Default: as the node has it.'),
})
