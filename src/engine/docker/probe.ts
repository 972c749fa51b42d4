import { stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { EngineProbe, LimitName, RuntimeProbe, SandboxNetworkKind } from '../engine.ts'
import { type InfoAnswer, infoAnswer, type RuntimeAnswer, type VersionAnswer, versionAnswer } from './answers/host.ts'
import { readJson } from './answers/read-answer.ts'
import type { DockerReply } from './client.ts'
import { type HostView, type HostViewDeps, lookAtHost } from './host-view.ts'
import { mountOf } from './mount-table.ts'
import { sharesProcessIds } from './process-ids.ts'

/** Runtimes that run a task in this kernel, so that a unix socket in a volume joins both sides. Not gVisor, not Kata. */
const SHARES_KERNEL: ReadonlySet<string> = new Set(['runc', 'crun'])

/** What the Engine does not tell, as far as this process can see it. */
export interface ProbedHost extends HostView {
  /** A process has the same id here as for the Engine. */
  readonly sharesProcessIds: boolean
  readonly networks: ReadonlySet<SandboxNetworkKind>
  /** When the Engine's process was started, where that can be seen. */
  readonly startedMs?: number
}

/** What this Engine can do, from its own account and a look at the host. Pure. */
export function toProbe(
  version: VersionAnswer,
  info: InfoAnswer,
  { seesVolumes, view, findsOwnFiles, sharesProcessIds, mountTable, networks, startedMs }: ProbedHost,
): EngineProbe {
  const runtimes = Object.entries(info.Runtimes).map(([name, runtime]): [string, RuntimeProbe] => [
    name,
    toRuntimeProbe(runtime, info, seesVolumes),
  ])
  return {
    version: version.Version,
    components: componentsOf(version),
    ...(startedMs !== undefined && { startedMs }),
    outlivesRestart: info.LiveRestoreEnabled,
    cpuCores: info.NCPU,
    memoryBytes: info.MemTotal,
    // Without cgroups (a rootless Engine on cgroup v1) nothing can be frozen.
    canPause: info.CgroupDriver !== 'none',
    canExec: true,
    canCollect: true,
    // Folders reach the Engine by the process that holds them open, in the Engine's own view of the mounts.
    canMount: sharesProcessIds && (view.isShared === false ? view.engineRoot !== undefined : seesVolumes),
    ...(view.engineRoot !== undefined && { hostRoot: view.engineRoot }),
    findsOwnFiles,
    canPublish: true,
    canLimitDisk: canLimitDisk(info, mountTable),
    networks,
    runtimes: new Map(runtimes),
    defaultRuntime: info.DefaultRuntime,
    storageFolder: info.DockerRootDir,
    warnings: warningsOf(info, findsOwnFiles),
  }
}

function componentsOf({ Components }: VersionAnswer): Map<string, string> {
  return new Map((Components ?? []).map((one) => [one.Name.toLowerCase(), packageVersion(one)]))
}

/** Distributions put their package's version, with the fixes it brings, where upstream has a hash. */
function packageVersion({ Version, Details }: NonNullable<VersionAnswer['Components']>[number]): string {
  const commit = Details?.GitCommit ?? ''
  return commit.startsWith(Version) ? commit : Version
}

function toRuntimeProbe(runtime: RuntimeAnswer, info: InfoAnswer, seesVolumes: boolean): RuntimeProbe {
  const ignoresCgroups = (runtime.runtimeArgs ?? []).some((arg) => /^--?ignore-cgroups(=true|=1)?$/.test(arg))
  const limits: [LimitName, boolean][] = [
    ['cpu', info.CpuCfsQuota],
    ['memory', info.MemoryLimit],
    ['pids', info.PidsLimit],
  ]
  const unenforced = limits.filter(([, binds]) => ignoresCgroups || !binds).map(([name]) => name)
  return {
    enforcesLimits: unenforced.length === 0,
    ...(unenforced.length > 0 && { unenforced }),
    hasUnixSocket: seesVolumes && SHARES_KERNEL.has(basename(runtime.path ?? '')),
    ...(runtime.path !== undefined && { program: runtime.path }),
  }
}

function warningsOf(info: InfoAnswer, findsOwnFiles: boolean): string[] {
  const shortcomings: [boolean, string][] = [
    [info.LiveRestoreEnabled, 'live-restore is off: a restart of the Docker Engine ends every task'],
    [info.MemoryLimit, 'memory limits are not enforced: the kernel lacks the memory cgroup'],
    [info.SwapLimit, 'swap is not limited: a task can use swap beyond its memory'],
    [info.PidsLimit, 'process limits are not enforced: the kernel lacks the pids cgroup'],
    [info.CpuCfsQuota, 'CPU limits are not enforced: the kernel lacks CFS quotas'],
    [
      findsOwnFiles,
      'the Docker Engine does not find stateDir under its path here: neither inputs nor provision scripts',
    ],
  ]
  return shortcomings.filter(([isFine]) => !isFine).map(([, warning]) => warning)
}

/** overlay2 needs xfs with project quotas, of which the Engine says only the first. */
function canLimitDisk({ Driver, DriverStatus, DockerRootDir }: InfoAnswer, mountTable: string): boolean {
  if (Driver === 'btrfs' || Driver === 'zfs') return true
  const isOnXfs = DriverStatus.some(([name, value]) => name === 'Backing Filesystem' && value === 'xfs')
  return Driver === 'overlay2' && isOnXfs && hasProjectQuota(mountTable, DockerRootDir)
}

function hasProjectQuota(mountTable: string, folder: string): boolean {
  const options = mountOf(folder, mountTable)?.options ?? []
  return options.includes('prjquota') || options.includes('pquota')
}

/** Asks the Engine, and looks at its host where that is this one. */
export async function askProbe(
  deps: HostViewDeps,
  networks: ProbedHost['networks'],
  signal: AbortSignal,
): Promise<EngineProbe> {
  const { client } = deps
  await client.assertListening(signal)
  const look = (path: string): Promise<DockerReply> => client.look({ operation: 'probe', method: 'GET', path }, signal)
  const [version, answer] = await Promise.all([look('/version'), look('/info')])
  const info = readJson(infoAnswer, answer.body)
  const host = {
    ...(await lookAtHost(deps, info.DockerRootDir, signal)),
    sharesProcessIds: await sharesProcessIds(),
    networks,
    ...(await startOf(client.socketPath)),
  }
  return toProbe(readJson(versionAnswer, version.body), info, host)
}

/** The Engine writes the file anew at each start, by default beside its socket. */
async function startOf(socketPath: string): Promise<{ readonly startedMs?: number }> {
  const file = join(dirname(socketPath), 'docker.pid')
  return stat(file).then(
    ({ mtimeMs }) => ({ startedMs: Math.round(mtimeMs) }),
    () => ({}),
  )
}
