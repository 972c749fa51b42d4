import { z } from 'zod'

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
