import { z } from 'zod'
import { TERMINAL_STATUSES, type TerminalStatus } from '../../core/execution.ts'
import { ISOLATIONS, type Isolation, MOST_PORTS } from '../../core/task.ts'
import { id, MOST_ITEMS, milliseconds, type ResourcesBody, resources, size, variable, words } from './fields.ts'

// The body of `POST /v1/executions`. Strict everywhere: a key that is not known is refused, so that nobody believes in a
// limit that nobody sets, and nobody sets what is not theirs (an owner, a status). Depth is the service's to check.

const port = z.strictObject({
  port: z.int().min(1).max(65_535),
  protocol: z.enum(['tcp', 'udp']).exactOptional(),
  hostIp: z.string().exactOptional().describe('Default: 127.0.0.1. What is allowed is for the operator to say.'),
  hostPort: z.int().min(0).max(65_535).exactOptional(),
})

/** Of a task, and of what is said in an engine's own words. */
const surroundings = {
  resources: resources.exactOptional(),
  isolation: z.enum(ISOLATIONS).exactOptional(),
  sgx: z.boolean().exactOptional(),
  network: z.enum(['none', 'internal', 'egress']).exactOptional(),
  ports: z.array(port).max(MOST_PORTS).exactOptional(),
  profile: z.enum(['standard', 'strict']).exactOptional(),
  preset: z.string().min(1).max(64).exactOptional(),
  provision: z
    .array(
      z.strictObject({
        name: z.string(),
        content: z.string(),
        encoding: z.enum(['utf8', 'base64']).exactOptional(),
        args: words.exactOptional(),
      }),
    )
    .max(MOST_ITEMS)
    .exactOptional(),
  stopSignal: z
    .string()
    .regex(/^SIG[A-Z0-9+-]{1,12}$/, 'must name a signal, such as SIGTERM')
    .exactOptional(),
}

const task = z.strictObject({
  image: z.string().min(1),
  entrypoint: words.exactOptional(),
  cmd: words.exactOptional(),
  env: z.record(variable, z.string()).exactOptional(),
  workingDir: z.string().exactOptional(),
  user: z.string().exactOptional(),
  ...surroundings,
})

const engineSpec = z.strictObject({
  type: z.string().min(1).max(64),
  params: z.record(z.string(), z.unknown()),
  ...surroundings,
})

const target = { target: z.string(), readOnly: z.boolean().exactOptional() }

const input = z.union([
  z.strictObject({ preset: z.string().min(1).max(128), ...target }),
  z.strictObject({ upload: z.string().min(1).max(128), ...target }),
])

export const executionBody: z.ZodType<ExecutionBody, ExecutionBodyIn> = z
  .strictObject({
    id: id.exactOptional(),
    job: id.exactOptional(),
    task: task.exactOptional(),
    engineSpec: engineSpec.exactOptional(),
    inputs: z.array(input).max(MOST_ITEMS).exactOptional(),
    outputs: z
      .array(z.strictObject({ path: z.string(), name: z.string().exactOptional() }))
      .max(MOST_ITEMS)
      .exactOptional(),
    priority: z.int().min(-100).max(100).exactOptional(),
    timeoutMs: milliseconds.exactOptional(),
    queueTimeoutMs: milliseconds.exactOptional(),
    pullTimeoutMs: milliseconds.exactOptional(),
    graceMs: milliseconds.exactOptional(),
    idempotent: z.boolean().exactOptional(),
    retentionMs: milliseconds.exactOptional(),
    labels: z.record(z.string(), z.string()).exactOptional(),
    webhook: z
      .strictObject({
        url: z.string().min(1).max(2048),
        events: z.array(z.enum(TERMINAL_STATUSES)).min(1).max(TERMINAL_STATUSES.length).exactOptional(),
      })
      .exactOptional(),
    limits: z
      .strictObject({
        logBytes: size.exactOptional(),
        outputBytes: size.exactOptional(),
        outputFiles: z.int().min(0).exactOptional(),
      })
      .exactOptional(),
  })
  .refine((body) => (body.task === undefined) !== (body.engineSpec === undefined), 'needs either task or engineSpec')

/** What to run, either as a `task` of the Docker Engine or in the words of a named engine. Sizes are in bytes once it is read. */
export interface ExecutionBody<Size = number> {
  readonly id?: string
  readonly job?: string
  readonly task?: TaskBody<Size>
  readonly engineSpec?: EngineSpecBody<Size>
  readonly inputs?: readonly InputBody[]
  readonly outputs?: readonly { readonly path: string; readonly name?: string }[]
  /** -100 to 100: the higher comes first. Default: 0. */
  readonly priority?: number
  readonly timeoutMs?: number
  readonly queueTimeoutMs?: number
  readonly pullTimeoutMs?: number
  readonly graceMs?: number
  readonly idempotent?: boolean
  readonly retentionMs?: number
  readonly labels?: Readonly<Record<string, string>>
  /** Who is told of its end; of all ends unless `events` names some. */
  readonly webhook?: { readonly url: string; readonly events?: readonly TerminalStatus[] }
  readonly limits?: { readonly logBytes?: Size; readonly outputBytes?: Size; readonly outputFiles?: number }
}

/** A folder or file to mount at `target`, read-only unless it says otherwise. */
export type InputBody = PresetInputBody | UploadInputBody

interface PresetInputBody {
  /** Something of the node's host, by the name that its operator gave it. */
  readonly preset: string
  readonly target: string
  readonly readOnly?: boolean
}

interface UploadInputBody {
  /** Something that the caller sends with `PUT /v1/executions/{id}/inputs`, by its name there. */
  readonly upload: string
  readonly target: string
  readonly readOnly?: boolean
}

/** As it may be written: a size is a number of bytes, or a text such as `256MiB`. */
export type ExecutionBodyIn = ExecutionBody<number | string>

export interface TaskBody<Size = number> extends SurroundingsBody<Size> {
  readonly image: string
  readonly entrypoint?: readonly string[]
  readonly cmd?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly workingDir?: string
  readonly user?: string
}

interface EngineSpecBody<Size> extends SurroundingsBody<Size> {
  readonly type: string
  readonly params: Readonly<Record<string, unknown>>
}

export interface SurroundingsBody<Size = number> {
  readonly resources?: ResourcesBody<Size>
  /** Default: `container`. */
  readonly isolation?: Isolation
  /** Default: false. */
  readonly sgx?: boolean
  readonly network?: 'none' | 'internal' | 'egress'
  readonly ports?: readonly PortBody[]
  readonly profile?: 'standard' | 'strict'
  /** What it gets beyond `strict`, by a name that the node's owner grants. */
  readonly preset?: string
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
