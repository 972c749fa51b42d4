import { constants } from 'node:fs'
import { access } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { EngineProbe, RuntimeProbe } from '../engine.ts'
import type { InfoAnswer, RuntimeAnswer } from './schemas.ts'

/** Runtimes that run a task in this kernel, so that a unix socket in a volume joins both sides. Not gVisor, not Kata. */
const SHARES_KERNEL: ReadonlySet<string> = new Set(['runc', 'crun'])

/** What this Engine can do, from its own account. `seesVolumes`: this process can open files in its volumes. Pure. */
export function toProbe(version: string, info: InfoAnswer, seesVolumes: boolean): EngineProbe {
  const runtimes = Object.entries(info.Runtimes).map(([name, runtime]): [string, RuntimeProbe] => [
    name,
    toRuntimeProbe(runtime, info, seesVolumes),
  ])
  return {
    version,
    cpuCores: info.NCPU,
    memoryBytes: info.MemTotal,
    // Without cgroups (a rootless Engine on cgroup v1) nothing can be frozen.
    canPause: info.CgroupDriver !== 'none',
    runtimes: new Map(runtimes),
    defaultRuntime: info.DefaultRuntime,
    storageFolder: info.DockerRootDir,
    warnings: warningsOf(info),
  }
}

function toRuntimeProbe(runtime: RuntimeAnswer, info: InfoAnswer, seesVolumes: boolean): RuntimeProbe {
  const ignoresCgroups = (runtime.runtimeArgs ?? []).some((arg) => /^--?ignore-cgroups(=true|=1)?$/.test(arg))
  return {
    enforcesLimits: !ignoresCgroups && info.MemoryLimit && info.PidsLimit && info.CpuCfsQuota,
    hasUnixSocket: seesVolumes && SHARES_KERNEL.has(basename(runtime.path ?? '')),
  }
}

function warningsOf(info: InfoAnswer): string[] {
  const shortcomings: [boolean, string][] = [
    [info.LiveRestoreEnabled, 'live-restore is off: a restart of the Docker Engine ends every task'],
    [info.MemoryLimit, 'memory limits are not enforced: the kernel lacks the memory cgroup'],
    [info.SwapLimit, 'swap is not limited: a task can use swap beyond its memory'],
    [info.PidsLimit, 'process limits are not enforced: the kernel lacks the pids cgroup'],
    [info.CpuCfsQuota, 'CPU limits are not enforced: the kernel lacks CFS quotas'],
  ]
  return shortcomings.filter(([isFine]) => !isFine).map(([, warning]) => warning)
}

/** Whether this process runs where the Engine keeps its volumes, and may open what is in them. */
export async function seesVolumes(dockerRootDir: string): Promise<boolean> {
  if (process.getuid?.() !== 0) return false
  return access(join(dockerRootDir, 'volumes'), constants.R_OK | constants.X_OK).then(
    () => true,
    () => false,
  )
}
