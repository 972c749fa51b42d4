import { z } from 'zod'
import { labels } from './labels.ts'

interface HostPort {
  readonly HostIp: string
  readonly HostPort: string
}

export interface ContainerAnswer {
  readonly Id: string
  readonly Name: string
  readonly State: {
    readonly Status: string
    readonly Pid: number
    readonly ExitCode: number
    readonly OOMKilled: boolean
    /** RFC 3339; the year 1 while it has not ended. */
    readonly FinishedAt?: string | undefined
  }
  readonly Config: { readonly Labels: Record<string, string> }
  readonly HostConfig: {
    readonly Memory: number
    readonly NanoCpus: number
    readonly PidsLimit?: number | null | undefined
    readonly NetworkMode: string
  }
  readonly NetworkSettings: {
    readonly Networks: Record<string, { readonly IPAddress: string; readonly Gateway: string }>
    /** By `PORT/PROTOCOL`; null for what is exposed only. */
    readonly Ports: Record<string, readonly HostPort[] | null>
  }
  readonly Mounts: readonly { readonly Type: string; readonly Source: string; readonly Destination: string }[]
}

export const containerAnswer: z.ZodType<ContainerAnswer> = z.object({
  Id: z.string(),
  Name: z.string(),
  State: z.object({
    Status: z.string(),
    Pid: z.number(),
    ExitCode: z.number(),
    OOMKilled: z.boolean(),
    FinishedAt: z.string().optional(),
  }),
  Config: z.object({ Labels: labels }),
  HostConfig: z.object({
    Memory: z.number(),
    NanoCpus: z.number(),
    PidsLimit: z.number().nullish(),
    NetworkMode: z.string(),
  }),
  NetworkSettings: z.object({
    Networks: z.record(z.string(), z.object({ IPAddress: z.string(), Gateway: z.string() })),
    Ports: z
      .record(z.string(), z.array(z.object({ HostIp: z.string(), HostPort: z.string() })).nullable())
      .nullish()
      .transform((value) => value ?? {}),
  }),
  Mounts: z.array(z.object({ Type: z.string(), Source: z.string(), Destination: z.string() })),
})

export interface ContainerRow {
  readonly Id: string
  readonly Names: readonly string[]
  readonly Labels: Record<string, string>
  readonly State: string
}

export const containerRows: z.ZodType<readonly ContainerRow[]> = z.array(
  z.object({ Id: z.string(), Names: z.array(z.string()), Labels: labels, State: z.string() }),
)

export const created: z.ZodType<{ readonly Id: string }> = z.object({ Id: z.string() })
