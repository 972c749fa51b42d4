import { z } from 'zod'
import { count, time } from './fields.ts'

/** One line of NDJSON, or the data of one event. */
export interface LogLine {
  readonly seq: number
  readonly time: string
  readonly stream: 'stdout' | 'stderr'
  /** As text; absent for a gap. */
  readonly data?: string
  /** The exact bytes, where they are no UTF-8. */
  readonly base64?: string
  /** In place of output that is not here: up to `untilSeq`, so many bytes if that is known. */
  readonly gap?: { readonly cause: 'limit' | 'missed'; readonly untilSeq: number; readonly bytes?: number }
}

export const logLine: z.ZodType<LogLine> = z
  .object({
    seq: count,
    time,
    stream: z.enum(['stdout', 'stderr']),
    data: z.string().exactOptional(),
    base64: z.base64().exactOptional(),
    gap: z
      .object({ cause: z.enum(['limit', 'missed']), untilSeq: count, bytes: count.exactOptional() })
      .exactOptional(),
  })
  .meta({ id: 'LogLine' })
