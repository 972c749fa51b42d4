import { z } from 'zod'
import { ErrandError } from '../../core/errors.ts'

// The Engine's answers: only the fields that we read. Go writes an empty map or list as null.

export const labels: z.ZodType<Record<string, string>> = z
  .record(z.string(), z.string())
  .nullish()
  .transform((value) => value ?? {})

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

export const volumeRows: z.ZodType<{ readonly Volumes: readonly { readonly Name: string }[] | null }> = z.object({
  Volumes: z.array(z.object({ Name: z.string() })).nullable(),
})

export const created: z.ZodType<{ readonly Id: string }> = z.object({ Id: z.string() })

export const madeVolume: z.ZodType<{ readonly Name: string; readonly Mountpoint: string }> = z.object({
  Name: z.string(),
  Mountpoint: z.string(),
})

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

export interface EventLine {
  readonly Action: string
  readonly Actor: { readonly ID: string; readonly Attributes: Record<string, string> }
}

export const eventLine: z.ZodType<EventLine> = z.object({
  Action: z.string(),
  Actor: z.object({ ID: z.string(), Attributes: labels }),
})

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

interface ComponentAnswer {
  readonly Name: string
  readonly Version: string
  readonly Details?: Readonly<Record<string, string>> | null | undefined
}

export interface VersionAnswer {
  readonly Version: string
  readonly Components?: readonly ComponentAnswer[] | null | undefined
  readonly Os?: string | undefined
  readonly Arch?: string | undefined
}

const componentAnswer: z.ZodType<ComponentAnswer> = z.object({
  Name: z.string(),
  Version: z.string(),
  Details: z.record(z.string(), z.string()).nullish(),
})

export const versionAnswer: z.ZodType<VersionAnswer> = z.object({
  Version: z.string(),
  Components: z.array(componentAnswer).nullish(),
  Os: z.string().optional(),
  Arch: z.string().optional(),
})

export interface RuntimeAnswer {
  readonly path?: string | undefined
  readonly runtimeArgs?: readonly string[] | null | undefined
}

export interface InfoAnswer {
  readonly NCPU: number
  readonly MemTotal: number
  readonly MemoryLimit: boolean
  readonly SwapLimit: boolean
  readonly PidsLimit: boolean
  readonly CpuCfsQuota: boolean
  readonly CgroupDriver: string
  readonly DockerRootDir: string
  /** What keeps images and root file systems, and what it says of itself. */
  readonly Driver: string
  readonly DriverStatus: readonly (readonly string[])[]
  readonly LiveRestoreEnabled: boolean
  readonly DefaultRuntime: string
  readonly Runtimes: Record<string, RuntimeAnswer>
}

export const infoAnswer: z.ZodType<InfoAnswer> = z.object({
  NCPU: z.number(),
  MemTotal: z.number(),
  MemoryLimit: z.boolean(),
  SwapLimit: z.boolean(),
  PidsLimit: z.boolean(),
  CpuCfsQuota: z.boolean(),
  CgroupDriver: z.string(),
  DockerRootDir: z.string(),
  Driver: z.string(),
  DriverStatus: z
    .array(z.array(z.string()))
    .nullish()
    .transform((value) => value ?? []),
  LiveRestoreEnabled: z.boolean(),
  DefaultRuntime: z.string(),
  Runtimes: z.record(z.string(), z.object({ path: z.string().optional(), runtimeArgs: z.array(z.string()).nullish() })),
})

/** @throws internal when the Engine answered something else than its API says */
export function readAnswer<T>(schema: z.ZodType<T>, answer: unknown): T {
  const result = schema.safeParse(answer)
  if (result.success) return result.data
  throw new ErrandError('internal', `the Docker Engine answered against its API: ${z.prettifyError(result.error)}`)
}

/** @throws internal as `readAnswer` does */
export function readJson<T>(schema: z.ZodType<T>, body: string): T {
  let answer: unknown
  try {
    answer = JSON.parse(body)
  } catch (cause) {
    throw new ErrandError('internal', 'the Docker Engine answered no JSON', { cause })
  }
  return readAnswer(schema, answer)
}
