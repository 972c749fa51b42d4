import { z } from 'zod'
import { labels } from './labels.ts'

export interface EventLine {
  readonly Action: string
  readonly Actor: { readonly ID: string; readonly Attributes: Record<string, string> }
}

export const eventLine: z.ZodType<EventLine> = z.object({
  Action: z.string(),
  Actor: z.object({ ID: z.string(), Attributes: labels }),
})
