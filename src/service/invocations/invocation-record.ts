import { z } from 'zod'
import { ERROR_CODES, ErrandError, type ErrorCode } from '../../core/errors.ts'
import { isId } from '../../core/ids.ts'
import type { WebhookOutcome } from '../../webhooks/webhooks.ts'

/** Where a request that is answered later is. One union; `assertMove` holds the only legal moves. */
export type InvocationStatus =
  /** It will not be forgotten, and no task has got anything of it. */
  | 'queued'
  /** A task may have got it. */
  | 'running'
  /** The task has answered, with whatever status. */
  | 'answered'
  /** The node could not have it answered. */
  | 'failed'
  /** The daemon ended while a task may have had it: what became of it cannot be known. */
  | 'lost'

const NEXT: Record<InvocationStatus, readonly InvocationStatus[]> = {
  queued: ['running', 'failed'],
  // Back where nothing was sent, or where it may be sent more than once.
  running: ['queued', 'answered', 'failed', 'lost'],
  answered: [],
  failed: [],
  lost: [],
}

export const INVOCATION_STATUSES: readonly InvocationStatus[] = Object.keys(NEXT) as InvocationStatus[]

export function hasEnded({ status }: { readonly status: InvocationStatus }): boolean {
  return NEXT[status].length === 0
}

/** @throws internal for a move that is none */
export function assertMove(from: InvocationStatus, to: InvocationStatus): void {
  if (!NEXT[from].includes(to)) throw new ErrandError('internal', `an invocation cannot go from ${from} to ${to}`)
}

/** An invocation as it is kept, but for what it sends and what it is answered. Times are milliseconds since the Unix epoch. */
export interface InvocationRecord {
  readonly id: string
  readonly callerId: string
  /** The name of its task. */
  readonly task: string
  readonly method: string
  readonly status: InvocationStatus
  readonly acceptedMs: number
  /** When it was last begun. */
  readonly begunMs?: number
  readonly endedMs?: number
  /** It may be sent to its task more than once. */
  readonly isIdempotent: boolean
  readonly requestBytes: number
  /** What makes the same request mean this one: the caller's key, and a digest of all that was asked. */
  readonly key?: { readonly key: string; readonly digest: string }
  /** Why it has failed. */
  readonly failure?: { readonly code: ErrorCode; readonly message: string }
  readonly answer?: { readonly status: number; readonly bytes: number; readonly instanceId: string }
  readonly webhookUrl?: string
  /** What became of telling that. */
  readonly webhook?: WebhookOutcome
}

/** What is sent to the task. Headers are names and values in turn. */
export interface InvocationHead {
  readonly method: string
  readonly path: string
  readonly headers: readonly string[]
}

export const invocationRecord: z.ZodType<InvocationRecord> = z.strictObject({
  id: z.string().refine(isId),
  callerId: z.string().min(1),
  task: z.string().refine(isId),
  method: z.string().min(1),
  status: z.enum(INVOCATION_STATUSES),
  acceptedMs: z.number(),
  begunMs: z.number().exactOptional(),
  endedMs: z.number().exactOptional(),
  isIdempotent: z.boolean(),
  requestBytes: z.number(),
  key: z.strictObject({ key: z.string(), digest: z.string() }).exactOptional(),
  failure: z.strictObject({ code: z.enum(ERROR_CODES), message: z.string() }).exactOptional(),
  answer: z.strictObject({ status: z.number(), bytes: z.number(), instanceId: z.string() }).exactOptional(),
  webhookUrl: z.string().exactOptional(),
  webhook: z
    .union([z.strictObject({ deliveredMs: z.number() }), z.strictObject({ failedMs: z.number(), reason: z.string() })])
    .exactOptional(),
})

export const invocationHead: z.ZodType<InvocationHead> = z.strictObject({
  method: z.string(),
  path: z.string(),
  headers: z.array(z.string()),
})

export const answerHeaders: z.ZodType<{ readonly headers: readonly string[] }> = z.strictObject({
  headers: z.array(z.string()),
})
