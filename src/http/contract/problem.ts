import { z } from 'zod'
import { ERROR_CODES, type ErrorCode, type ErrorDetails } from '../../core/errors.ts'

/** RFC 9457, as `application/problem+json`. */
export interface Problem {
  /** Of the status; the kind of a problem is its `code`. */
  readonly title: string
  readonly status: number
  /** For people. */
  readonly detail: string
  readonly code: ErrorCode
  readonly details: ErrorDetails
  /** Milliseconds to wait before another attempt; absent when another attempt will not help. */
  readonly retryAfterMs?: number
}

export const problem: z.ZodType<Problem> = z
  .object({
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.enum(ERROR_CODES),
    details: z.record(z.string(), z.unknown()),
    retryAfterMs: z.number().min(0).exactOptional(),
  })
  .meta({ id: 'Problem' })
