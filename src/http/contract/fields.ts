import { z } from 'zod'
import { isId } from '../../core/ids.ts'
import { parseBytes } from '../../util/quantity.ts'

/** Of anything that a body lists. */
export const MOST_ITEMS = 1000
/** The longest delay that a timer takes: 24.8 days. */
const MOST_MS = 2 ** 31 - 1

export const id: z.ZodType<string, string> = z
  .string()
  .refine(isId, 'must match ^[a-z0-9][a-z0-9-]{0,62}$')
  .meta({ pattern: '^[a-z0-9][a-z0-9-]{0,62}$' })

export const milliseconds: z.ZodType<number, number> = z.int().min(0).max(MOST_MS)

/** A number of bytes, or a text with a unit such as `256MiB`. */
export const size: z.ZodType<number, number | string> = z
  .union([z.number(), z.string()])
  .transform((raw, context) => {
    const bytes = parseBytes(raw)
    if (bytes !== undefined) return bytes
    context.addIssue({ code: 'custom', message: 'must be a whole number of bytes, or a size such as 256MiB' })
    return z.NEVER
  })
  .meta({ description: 'bytes, or a size such as `256MiB`' })

export const words: z.ZodType<string[], string[]> = z.array(z.string()).max(MOST_ITEMS)

/** Of something counted: bytes, files. */
export const count: z.ZodType<number> = z.number().min(0)

/** RFC 3339. */
export const time: z.ZodType<string> = z.iso.datetime({ offset: true })

/** What a task asks for. */
export const resources: z.ZodType<ResourcesBody, ResourcesBody<number | string>> = z.strictObject({
  /** Cores. */
  cpu: z.number().min(0).exactOptional(),
  memory: size.exactOptional(),
  disk: size.exactOptional(),
  pids: z.int().min(0).exactOptional(),
  gpus: z
    .array(z.strictObject({ count: z.int().min(1).max(64) }))
    .max(64)
    .exactOptional(),
})

export interface ResourcesBody<Size = number> {
  readonly cpu?: number
  readonly memory?: Size
  readonly disk?: Size
  readonly pids?: number
  readonly gpus?: readonly { readonly count: number }[]
}
