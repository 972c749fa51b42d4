import { z } from 'zod'
import { TERMINAL_STATUSES, type TerminalStatus } from '../../core/execution.ts'
import { id, MOST_ITEMS, milliseconds } from '../../core/request-fields.ts'
import { size } from './fields.ts'
import { type EngineSpecBody, engineSpecBody, type TaskBody, taskBody } from './task-body.ts'

// The body of `POST /v1/executions`. Strict everywhere: a key that is not known is refused, so that nobody believes in a
// limit that nobody sets, and nobody sets what is not theirs (an owner, a status). Depth is the service's to check.

const target = {
  target: z.string().describe('Where it is inside: an absolute path.'),
  readOnly: z.boolean().exactOptional().describe('Default: true.'),
}

const input = z.union([
  z.strictObject({
    preset: z.string().min(1).max(128).describe("Something of the node's host, by the name that its operator gave it."),
    ...target,
  }),
  z.strictObject({
    upload: z
      .string()
      .min(1)
      .max(128)
      .describe('Something sent with `PUT /v1/executions/{id}/inputs`, by its name there.'),
    ...target,
  }),
])

export const executionBody: z.ZodType<ExecutionBody, ExecutionBodyIn> = z
  .strictObject({
    id: id
      .exactOptional()
      .describe('One per node, whoever has it: one that is taken is `already_exists`. Default: a new one.'),
    job: id.exactOptional().describe('What it belongs to. Default: its id.'),
    task: taskBody.exactOptional().describe('What to run on the Docker Engine: this, or `engineSpec`.'),
    engineSpec: engineSpecBody.exactOptional().describe('What to run, in the words of a named engine.'),
    inputs: z.array(input).max(MOST_ITEMS).exactOptional().describe('Files and folders that it gets. Default: none.'),
    outputs: z
      .array(
        z.strictObject({
          path: z.string().describe('Of a file or folder inside: an absolute path.'),
          name: z.string().exactOptional().describe('In the record. Default: the last part of `path`.'),
        }),
      )
      .max(MOST_ITEMS)
      .exactOptional()
      .describe('What is kept of what it leaves. Default: nothing.'),
    priority: z.int().min(-100).max(100).exactOptional().describe('The higher comes first. Default: 0.'),
    timeoutMs: milliseconds.exactOptional().describe('How long it may run. Default: as the node has it.'),
    queueTimeoutMs: milliseconds
      .exactOptional()
      .describe('How long it may wait for resources. Default: as the node has it.'),
    pullTimeoutMs: milliseconds
      .exactOptional()
      .describe('How long its image may take to come. Default: as the node has it.'),
    graceMs: milliseconds.exactOptional().describe('From telling it to end to killing it. Default: 10000.'),
    idempotent: z.boolean().exactOptional().describe('It may be run again when it was lost. Default: false.'),
    retentionMs: milliseconds
      .exactOptional()
      .describe('How long it is kept after its end. Default: as the node has it.'),
    labels: z.record(z.string(), z.string()).exactOptional().describe('What lists can be filtered by.'),
    webhook: z
      .strictObject({
        url: z.string().min(1).max(2048).describe('To a host that the operator allows.'),
        events: z
          .array(z.enum(TERMINAL_STATUSES))
          .min(1)
          .max(TERMINAL_STATUSES.length)
          .exactOptional()
          .describe('Default: all.'),
      })
      .exactOptional()
      .describe('Who is told of its end.'),
    limits: z
      .strictObject({
        logBytes: size.exactOptional().describe('What is kept of its output: bytes, or a size. Default: 2 MiB.'),
        outputBytes: size.exactOptional().describe('Of all outputs: bytes, or a size. Default: 1 GiB.'),
        outputFiles: z.int().min(0).exactOptional().describe('Of all outputs. Default: 10000.'),
      })
      .exactOptional()
      .describe('What is kept of it.'),
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
