import { z } from 'zod'
import { ERROR_CODES, type ErrorCode } from '../../core/errors.ts'
import { count, time } from './fields.ts'
import { type WebhookView, webhookView } from './webhook-view.ts'

/** A request that is answered later. What it says is told to its task alone. */
export interface InvocationView {
  readonly id: string
  readonly caller: string
  /** The name of its task. */
  readonly task: string
  readonly method: string
  readonly status: 'queued' | 'running' | 'answered' | 'failed' | 'lost'
  readonly times: { readonly accepted: string; readonly begun?: string; readonly ended?: string }
  /** It may be sent to its task more than once. */
  readonly idempotent: boolean
  readonly requestBytes: number
  /** What the task has answered. */
  readonly response?: { readonly status: number; readonly bytes: number }
  /** Why the node could not have it answered. */
  readonly failure?: { readonly code: ErrorCode; readonly message: string }
  /** Where it has one. */
  readonly webhook?: WebhookView
}

/** The youngest first. `cursor` asks for the next page; absent on the last one. */
export interface InvocationPageView {
  readonly invocations: readonly InvocationView[]
  readonly cursor?: string
}

export const invocationView: z.ZodType<InvocationView> = z
  .object({
    id: z.string(),
    caller: z.string(),
    task: z.string(),
    method: z.string(),
    status: z.enum(['queued', 'running', 'answered', 'failed', 'lost']),
    times: z.object({ accepted: time, begun: time.exactOptional(), ended: time.exactOptional() }),
    idempotent: z.boolean(),
    requestBytes: count,
    response: z.object({ status: count, bytes: count }).exactOptional(),
    failure: z.object({ code: z.enum(ERROR_CODES), message: z.string() }).exactOptional(),
    webhook: webhookView.exactOptional(),
  })
  .meta({ id: 'Invocation' })

export const invocationPage: z.ZodType<InvocationPageView> = z
  .object({ invocations: z.array(invocationView), cursor: z.string().exactOptional() })
  .meta({ id: 'InvocationPage' })
