import { z } from 'zod'

export const volumeRows: z.ZodType<{ readonly Volumes: readonly { readonly Name: string }[] | null }> = z.object({
  Volumes: z.array(z.object({ Name: z.string() })).nullable(),
})

export const madeVolume: z.ZodType<{ readonly Name: string; readonly Mountpoint: string }> = z.object({
  Name: z.string(),
  Mountpoint: z.string(),
})
