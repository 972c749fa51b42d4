import { z } from 'zod'
import { TERMINAL_STATUSES, type TerminalStatus } from '../../core/execution.ts'
import { id, milliseconds } from '../../core/request-fields.ts'
import { MOST_ITEMS, size } from './fields.ts'
import { type EngineSpecBody, engineSpecBody, type TaskBody, taskBody } from './task-body.ts'

// The body of `POST /v1/executions`. Strict everywhere: a key that is not known is refused, so that nobody believes in a
// limit that nobody sets, and nobody sets what is not theirs (an owner, a status). Depth is the service's to check.

const target = { target: z.string(), readOnly: z.boolean().exactOptional() }

const input = z.union([
  z.strictObject({ preset: z.string().min(1).max(128), ...target }),
  z.strictObject({ upload: z.string().min(1).max(128), ...target }),
])

export const executionBody: z.ZodType<ExecutionBody, ExecutionBodyIn> = z
  .strictObject({
    id: id.exactOptional(),
    job: id.exactOptional(),
    task: taskBody.exactOptional(),
    engineSpec: engineSpecBody.exactOptional(),
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
