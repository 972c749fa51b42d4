import { z } from 'zod'

/** Names and digests are null, or `<none>`, where there are none. */
const names: z.ZodType<readonly string[]> = z
  .array(z.string())
  .nullish()
  .transform((value) => (value ?? []).filter((name) => !name.includes('<none>')))

export interface ImageAnswer {
  readonly Id: string
  readonly RepoTags: readonly string[]
  readonly RepoDigests: readonly string[]
  readonly Size: number
  /** RFC 3339; seconds since the Unix epoch in a list. */
  readonly Created?: string | number | null | undefined
  readonly Os?: string | undefined
  readonly Architecture?: string | undefined
}

export const imageAnswer: z.ZodType<ImageAnswer> = z.object({
  Id: z.string(),
  RepoTags: names,
  RepoDigests: names,
  Size: z.number(),
  Created: z.union([z.string(), z.number()]).nullish(),
  Os: z.string().optional(),
  Architecture: z.string().optional(),
})

export const imageRows: z.ZodType<readonly ImageAnswer[]> = z.array(imageAnswer)

export interface PullLine {
  readonly status?: string | undefined
  readonly id?: string | undefined
  readonly progressDetail?: { readonly current?: number | undefined; readonly total?: number | undefined } | undefined
  readonly error?: string | undefined
}

export const pullLine: z.ZodType<PullLine> = z.object({
  status: z.string().optional(),
  id: z.string().optional(),
  progressDetail: z.object({ current: z.number().optional(), total: z.number().optional() }).optional(),
  error: z.string().optional(),
})
