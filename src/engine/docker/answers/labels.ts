import { z } from 'zod'

/** Go writes an empty map as null. */
export const labels: z.ZodType<Record<string, string>> = z
  .record(z.string(), z.string())
  .nullish()
  .transform((value) => value ?? {})
