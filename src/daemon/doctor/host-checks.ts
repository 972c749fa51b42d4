import { type Finding, ok, problem, warning } from './finding.ts'
import type { HostLook } from './host-look.ts'
import { isAtLeast, parseVersion } from './version.ts'

const LEAST_NODE = '24.15.0'
/** Connections, followers and files of many tasks at a time. */
const ENOUGH_FILES = 4096
/** No clock that is right says an earlier time: this was written later. */
const LEAST_WALL_MS = Date.parse('2026-01-01T00:00:00Z')
/** What a clock may be set by in the moment of the look; slewing is far below that. */
const JUMP_MS = 250

export function checkNode(version: string): Finding {
  const parsed = parseVersion(version)
  if (parsed !== undefined && isAtLeast(parsed, LEAST_NODE)) return ok('Node.js', version)
  return problem(
    'Node.js',
    `${version} is older than ${LEAST_NODE}`,
    'install a newer Node.js, or name one in ERRAND_NODE',
  )
}

export async function checkOpenFiles(look: HostLook): Promise<Finding> {
  const limits = await look.readText('/proc/self/limits')
  const limit = /^Max open files +(\d+|unlimited)/m.exec(limits ?? '')?.[1]
  if (limit === undefined) return warning('open files', 'the limit cannot be read', 'see that it is 4096 or more')
  if (limit === 'unlimited' || Number(limit) >= ENOUGH_FILES) return ok('open files', `up to ${limit}`)
  return warning('open files', `at most ${limit}`, 'raise the limit (LimitNOFILE, ulimit -n) to 65536')
}

/** What the kernel needs for limits, by the version of cgroups that the engine uses. */
export async function checkControllers(look: HostLook, cgroupVersion: string): Promise<Finding> {
  const missing = cgroupVersion === '2' ? await missingUnified(look) : await missingControllers(look)
  if (missing === undefined) return warning('cgroup controllers', 'cannot be seen from here', 'run doctor on the host')
  if (missing.length === 0) return ok('cgroup controllers', 'cpu, memory, pids and I/O are there')
  const advice = 'turn them on at boot (cgroup_enable=memory, or systemd.unified_cgroup_hierarchy=1)'
  return problem('cgroup controllers', `${missing.join(', ')} missing: limits do not bind`, advice)
}

async function missingUnified(look: HostLook): Promise<string[] | undefined> {
  const text = await look.readText('/sys/fs/cgroup/cgroup.controllers')
  const there = new Set(text?.trim().split(' '))
  return text === undefined ? undefined : ['cpu', 'memory', 'pids', 'io'].filter((name) => !there.has(name))
}

/** NAME HIERARCHY CGROUPS ENABLED */
async function missingControllers(look: HostLook): Promise<string[] | undefined> {
  const text = await look.readText('/proc/cgroups')
  const rows = text?.split('\n').map((line) => line.split('\t')) ?? []
  const there = new Set(rows.filter(([, , , enabled]) => enabled === '1').map(([name]) => name))
  return text === undefined
    ? undefined
    : ['cpu', 'cpuacct', 'memory', 'pids', 'blkio', 'freezer'].filter((name) => !there.has(name))
}

export async function checkFileSystems(look: HostLook): Promise<Finding> {
  const text = await look.readText('/proc/filesystems')
  if (text === undefined) return warning('overlay', 'cannot be seen from here', 'run doctor on the host')
  if (/\boverlay$/m.test(text)) return ok('overlay', 'the kernel has it')
  return warning('overlay', 'the kernel has not loaded it', 'modprobe overlay, and name it in /etc/modules')
}

/** Between containers of one bridge, rules of iptables and `icc` bind only with br_netfilter. */
export async function checkBridgeFilter(look: HostLook): Promise<Finding> {
  const text = await look.readText('/proc/sys/net/bridge/bridge-nf-call-iptables')
  if (text?.trim() === '1') return ok('bridge filter', 'br_netfilter is on')
  const found = text === undefined ? 'br_netfilter is not loaded' : 'bridge-nf-call-iptables is off'
  return warning('bridge filter', `${found}: tasks on one network are not kept apart`, 'modprobe br_netfilter')
}

export function checkFirewall(isUsable: boolean, network: string | undefined): Finding {
  if (isUsable) return ok('iptables', 'rules can be read')
  if (network !== undefined) return ok('iptables', `not usable, and not needed with docker.network: ${network}`)
  const advice = 'run as root with iptables installed, name a docker.network, or set tasks.hostAccess: allow'
  return problem('iptables', 'cannot be used: tasks cannot be kept off this host', advice)
}

/** Signs that something keeps the clock in time: they tell no more than that. */
const KEEPERS: readonly (readonly [string, string])[] = [
  ['/run/systemd/timesync/synchronized', 'systemd-timesyncd'],
  ['/run/chrony/chronyd.pid', 'chrony'],
  ['/run/chronyd.pid', 'chrony'],
  ['/run/ntpd.pid', 'ntpd'],
  ['/dev/ptp0', 'a clock of the hypervisor'],
]

/** Wall and monotonic time at the beginning and the end of the look, in milliseconds. */
export interface ClockLook {
  readonly wallMs: readonly [number, number]
  readonly monotonicMs: readonly [number, number]
}

export async function checkClock(look: HostLook, { wallMs, monotonicMs }: ClockLook): Promise<Finding> {
  const jumpMs = Math.round(wallMs[1] - wallMs[0] - (monotonicMs[1] - monotonicMs[0]))
  if (wallMs[1] < LEAST_WALL_MS) {
    return problem(
      'clock',
      `says ${new Date(wallMs[1]).toISOString()}`,
      'set the clock: certificates and retention need it',
    )
  }
  if (Math.abs(jumpMs) > JUMP_MS) {
    return warning(
      'clock',
      `was set by ${jumpMs} ms during this look`,
      'let one service alone keep the time, by slewing',
    )
  }
  for (const [path, keeper] of KEEPERS) {
    if ((await look.stat(path)) !== undefined) return ok('clock', `${keeper} keeps it`)
  }
  const told = await look.ask('timedatectl', 'show', '--property=NTPSynchronized', '--value')
  if (told?.trim() === 'yes') return ok('clock', 'synchronized')
  return warning('clock', 'nothing is seen that keeps it in time', 'run chrony or systemd-timesyncd')
}
