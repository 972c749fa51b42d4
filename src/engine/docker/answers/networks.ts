import { z } from 'zod'
import { labels } from './labels.ts'

export interface NetworkAnswer {
  readonly Id: string
  readonly Name: string
  readonly Driver: string
  readonly Internal: boolean
  readonly Options: Record<string, string>
  readonly Labels: Record<string, string>
  /** The ranges of addresses, IPv4 and IPv6. */
  readonly IPAM: readonly string[]
  /** Running containers by id. */
  readonly Containers: Record<string, unknown>
}

export const networkAnswer: z.ZodType<NetworkAnswer> = z.object({
  Id: z.string(),
  Name: z.string(),
  Driver: z.string(),
  Internal: z.boolean(),
  Options: labels,
  Labels: labels,
  IPAM: z
    .object({ Config: z.array(z.object({ Subnet: z.string() })).nullish() })
    .nullish()
    .transform((value) => (value?.Config ?? []).map(({ Subnet }) => Subnet)),
  Containers: z
    .record(z.string(), z.unknown())
    .nullish()
    .transform((value) => value ?? {}),
})

export const networkRows: z.ZodType<readonly { readonly Name: string }[]> = z.array(z.object({ Name: z.string() }))
