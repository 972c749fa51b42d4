import { constants } from 'node:fs'
import { access, readFile, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { EngineProbe, RuntimeProbe, SandboxNetworkKind } from '../engine.ts'
import type { DockerClient, DockerReply } from './client.ts'
import { sharesProcessIds } from './process-ids.ts'
import { type InfoAnswer, infoAnswer, type RuntimeAnswer, readJson, versionAnswer } from './schemas.ts'

/** Runtimes that run a task in this kernel, so that a unix socket in a volume joins both sides. Not gVisor, not Kata. */
const SHARES_KERNEL: ReadonlySet<string> = new Set(['runc', 'crun'])

/** What the Engine does not tell, as far as this process can see it. */
export interface ProbedHost {
  /** This process can open files in the Engine's volumes: both are on one host. */
  readonly seesVolumes: boolean
  /** A process has the same id here as for the Engine. */
  readonly sharesProcessIds: boolean
  /** `/proc/self/mountinfo`; empty where that says nothing of the Engine's host. */
  readonly mountTable: string
  readonly networks: ReadonlySet<SandboxNetworkKind>
  /** When the Engine's process was started, where that can be seen. */
  readonly startedMs?: number
}

/** What this Engine can do, from its own account and a look at the host. Pure. */
export function toProbe(
  version: string,
  info: InfoAnswer,
  { seesVolumes, sharesProcessIds, mountTable, networks, startedMs }: ProbedHost,
): EngineProbe {
  const runtimes = Object.entries(info.Runtimes).map(([name, runtime]): [string, RuntimeProbe] => [
    name,
    toRuntimeProbe(runtime, info, seesVolumes),
  ])
  return {
    version,
    ...(startedMs !== undefined && { startedMs }),
    outlivesRestart: info.LiveRestoreEnabled,
    cpuCores: info.NCPU,
    memoryBytes: info.MemTotal,
    // Without cgroups (a rootless Engine on cgroup v1) nothing can be frozen.
    canPause: info.CgroupDriver !== 'none',
    canExec: true,
    canCollect: true,
    // Folders reach the Engine by the process that holds them open.
    canMount: seesVolumes && sharesProcessIds,
    canPublish: true,
    canLimitDisk: canLimitDisk(info, mountTable),
    networks,
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

/** overlay2 needs xfs with project quotas, of which the Engine says only the first. */
function canLimitDisk({ Driver, DriverStatus, DockerRootDir }: InfoAnswer, mountTable: string): boolean {
  if (Driver === 'btrfs' || Driver === 'zfs') return true
  const isOnXfs = DriverStatus.some(([name, value]) => name === 'Backing Filesystem' && value === 'xfs')
  return Driver === 'overlay2' && isOnXfs && hasProjectQuota(mountTable, DockerRootDir)
}

/** By the options of the mount that the folder is on: the deepest above it, and the last of those. */
function hasProjectQuota(mountTable: string, folder: string): boolean {
  const above = mountTable
    .split('\n')
    .map((line) => ({ point: line.split(' ')[4] ?? '', options: line.split(' ').at(-1) ?? '' }))
    .filter(({ point }) => point !== '' && `${folder}/`.startsWith(point === '/' ? '/' : `${point}/`))
  const mount = above.toSorted((a, b) => a.point.length - b.point.length).at(-1)
  return mount?.options.split(',').some((option) => option === 'prjquota' || option === 'pquota') ?? false
}

/** Asks the Engine, and looks at its host where that is this one. */
export async function askProbe(
  client: DockerClient,
  networks: ProbedHost['networks'],
  signal: AbortSignal,
): Promise<EngineProbe> {
  await client.assertListening(signal)
  const look = (path: string): Promise<DockerReply> => client.look({ operation: 'probe', method: 'GET', path }, signal)
  const [version, answer] = await Promise.all([look('/version'), look('/info')])
  const info = readJson(infoAnswer, answer.body)
  const isSeen = await seesVolumes(info.DockerRootDir)
  const mountTable = isSeen ? await readFile('/proc/self/mountinfo', 'utf8') : ''
  const host = {
    seesVolumes: isSeen,
    sharesProcessIds: await sharesProcessIds(),
    mountTable,
    networks,
    ...(await startOf(client.socketPath)),
  }
  return toProbe(readJson(versionAnswer, version.body).Version, info, host)
}

/** The Engine writes the file anew at each start, by default beside its socket. */
async function startOf(socketPath: string): Promise<{ readonly startedMs?: number }> {
  const file = join(dirname(socketPath), 'docker.pid')
  return stat(file).then(
    ({ mtimeMs }) => ({ startedMs: Math.round(mtimeMs) }),
    () => ({}),
  )
}

/** Whether this process runs where the Engine keeps its volumes, and may open what is in them. */
async function seesVolumes(dockerRootDir: string): Promise<boolean> {
  if (process.getuid?.() !== 0) return false
  return access(join(dockerRootDir, 'volumes'), constants.R_OK | constants.X_OK).then(
    () => true,
    () => false,
  )
}
