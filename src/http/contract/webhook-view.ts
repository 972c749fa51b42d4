import { z } from 'zod'
import { time } from './fields.ts'

/** What became of telling a receiver: neither `delivered` nor `failed` until that is over. */
export interface WebhookView {
  /** Of its URL nothing else is told: the rest may be a secret. */
  readonly origin: string
  readonly delivered?: string
  /** Why it was given up. */
  readonly failed?: string
}

export const webhookView: z.ZodType<WebhookView> = z
  .object({ origin: z.string(), delivered: time.exactOptional(), failed: z.string().exactOptional() })
  .meta({ id: 'Webhook' })
