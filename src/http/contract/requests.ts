import { z } from 'zod'
import { EXECUTION_STATUSES, type ExecutionStatus } from '../../core/execution.ts'
import { id, milliseconds, user, variable } from '../../core/request-fields.ts'
import { LEAST_MEMORY_BYTES } from '../../core/resources.ts'
import { parseDuration } from '../../util/quantity.ts'
import { size, words } from './fields.ts'

/** The body of `POST /v1/executions/{id}/cancel`; empty means `{}`. */
export const cancelBody: z.ZodType<CancelBody, CancelBody> = z.strictObject({ graceMs: milliseconds.exactOptional() })

export interface CancelBody {
  readonly graceMs?: number
}

/** The body of `POST /v1/executions/{id}/exec`: argv, no shell. */
export const execBody: z.ZodType<ExecBody, ExecBody> = z.strictObject({
  argv: words.refine((argv) => argv.length > 0, 'must name a command'),
  env: z.record(variable, z.string()).exactOptional(),
  workingDir: z.string().startsWith('/').max(4096).exactOptional(),
  user: user.exactOptional(),
  timeoutMs: milliseconds.exactOptional(),
})

export interface ExecBody {
  readonly argv: string[]
  /** Beside the execution's own. */
  readonly env?: Readonly<Record<string, string>>
  readonly workingDir?: string
  readonly user?: string
  /** How long it may take. Default: as long as the caller waits. */
  readonly timeoutMs?: number
}

/** The body of `PATCH /v1/node/config`: what is not named stays. Numbers only: paths and runtimes are for the file. */
export const nodeConfigBody: z.ZodType<NodeConfigBody, NodeConfigBody<number | string>> = z.strictObject({
  cpu: z.number().positive().exactOptional(),
  memory: size.refine((bytes) => bytes >= LEAST_MEMORY_BYTES, 'must be at least 6MiB').exactOptional(),
  keepAliveMs: milliseconds.exactOptional(),
})

export interface NodeConfigBody<Size = number> {
  /** Cores, in tenths. */
  readonly cpu?: number
  readonly memory?: Size
  readonly keepAliveMs?: number
}

/** Of calls that need none. */
export const emptyBody: z.ZodType<Record<string, never>> = z.strictObject({})

const MOST_RECORDS = 200
const MOST_LABELS = 20
const DEFAULT_RECORDS = 50
const MOST_LINES = 1_000_000
const DEFAULT_WAIT_MS = 30_000
/** Proxies on the way give up sooner or later; who wants to wait longer asks again. */
const MOST_WAIT_MS = 600_000

/** Of `GET /v1/executions`. */
export const listQuery: z.ZodType<ListQuery> = z.strictObject({
  status: z
    .string()
    .transform((text) => text.split(','))
    .pipe(z.array(z.enum(EXECUTION_STATUSES)))
    .exactOptional(),
  job: id.exactOptional(),
  label: z
    .array(z.string().regex(/^[^=]{1,63}=[\s\S]{0,4096}$/, 'must be KEY=VALUE'))
    .max(MOST_LABELS)
    .exactOptional(),
  since: z.iso.datetime({ offset: true }).exactOptional(),
  until: z.iso.datetime({ offset: true }).exactOptional(),
  ...page(),
})

export interface ListQuery {
  readonly status?: readonly ExecutionStatus[]
  readonly job?: string
  /** `KEY=VALUE` each: only those with all of them. */
  readonly label?: readonly string[]
  /** When they were accepted: then or later, and before that. */
  readonly since?: string
  readonly until?: string
  readonly limit: number
  readonly cursor?: string
}

/** Of `GET /v1/tasks`. */
export const pageQuery: z.ZodType<PageParams> = z.strictObject(page())

export interface PageParams {
  readonly limit: number
  readonly cursor?: string
}

/** Of `GET` and `DELETE /v1/tasks/{name}`. */
export const taskQuery: z.ZodType<TaskQuery> = z.strictObject({
  caller: z.string().min(1).max(128).exactOptional().describe('Whose task it is. Only `admin` sees those of others.'),
})

export interface TaskQuery {
  readonly caller?: string
}

/** Of `GET /v1/executions/{id}/wait`. */
export const waitQuery: z.ZodType<WaitQuery> = z
  .strictObject({ timeout: duration().default(DEFAULT_WAIT_MS) })
  .transform(({ timeout }) => ({ timeoutMs: timeout }))

export interface WaitQuery {
  readonly timeoutMs: number
}

/** Of `GET /v1/executions/{id}/logs`. `since` is a `seq`, or a time as RFC 3339 has them. */
export const logsQuery: z.ZodType<LogsQuery> = z
  .strictObject({
    follow: z
      .enum(['', 'true', 'false', '1', '0'])
      .transform((text) => text !== 'false' && text !== '0')
      .default(false),
    tail: integer(0, MOST_LINES).exactOptional(),
    since: z
      .union([
        integer(0, Number.MAX_SAFE_INTEGER).transform((sinceSeq) => ({ sinceSeq })),
        z.iso.datetime({ offset: true }).transform((time) => ({ sinceMs: Date.parse(time) })),
      ])
      .exactOptional(),
    stream: z.enum(['stdout', 'stderr']).exactOptional(),
  })
  .transform(({ since, ...rest }) => ({ ...rest, ...since }))

export interface LogsQuery {
  readonly follow: boolean
  readonly tail?: number
  readonly sinceSeq?: number
  readonly sinceMs?: number
  readonly stream?: 'stdout' | 'stderr'
}

/** Of `GET /v1/events`: goes on after an event that was seen. */
export const eventsQuery: z.ZodType<EventsQuery> = z.strictObject({
  since: integer(0, Number.MAX_SAFE_INTEGER).exactOptional(),
})

export interface EventsQuery {
  readonly since?: number
}

/** Of everything else. */
export const noQuery: z.ZodType<Record<string, never>> = z.strictObject({})

function page() {
  return {
    limit: integer(1, MOST_RECORDS).default(DEFAULT_RECORDS),
    cursor: z
      .string()
      .regex(/^[\w.:-]{1,200}$/, 'is none that was handed out')
      .exactOptional(),
  }
}

function integer(least: number, most: number): z.ZodType<number, string> {
  const message = `must be a whole number from ${least} to ${most}`
  return z
    .string()
    .regex(/^[0-9]{1,16}$/, message)
    .transform(Number)
    .pipe(z.number().min(least, message).max(most, message))
}

function duration(): z.ZodType<number, string> {
  const message = `must be a time such as 500ms, 30s or 2m, at most ${MOST_WAIT_MS / 60_000}m`
  return z.string().transform((text, context) => {
    const ms = parseDuration(text)
    if (ms !== undefined && ms <= MOST_WAIT_MS) return ms
    context.addIssue({ code: 'custom', message })
    return z.NEVER
  })
}
