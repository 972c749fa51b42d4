import type { EngineSurvey } from '../../engine/engine-survey.ts'
import type { Config } from '../config/config.ts'
import { allHoles, askVersion, lookAtEngineMade, whereRefused } from './engine-made.ts'
import { type Finding, ok, problem, warning } from './finding.ts'
import type { HostLook } from './host-look.ts'
import { checkVersion, type GatedComponent } from './version-gates.ts'

const COMPONENTS: readonly (readonly [string, GatedComponent])[] = [
  ['engine', 'Docker Engine'],
  ['containerd', 'containerd'],
  ['runc', 'runc'],
]

/** What the engine says of itself, each against what Errand needs or advises. Pure. */
export function checkEngine(survey: EngineSurvey): Finding[] {
  const host = { hasAuthorizationPlugins: survey.authorizationPlugins.length > 0 }
  const versions = COMPONENTS.flatMap(([name, component]) => {
    const version = survey.components.get(name)
    return version === undefined ? [] : [checkVersion(component, version, host)]
  })
  return [
    ...versions,
    ok('Engine API', survey.apiVersion),
    checkCgroups(survey),
    checkLimits(survey),
    checkStorage(survey),
    checkLiveRestore(survey),
    checkLogDriver(survey),
    checkNeighbours(survey),
    checkSeccomp(survey),
  ]
}

function checkCgroups({ cgroup }: EngineSurvey): Finding {
  const found = `v${cgroup.version}, driver ${cgroup.driver}`
  if (cgroup.driver !== 'none') return ok('cgroups', found)
  return problem(
    'cgroups',
    `${found}: nothing is limited`,
    'run the Engine as root, or rootless on cgroup v2 with systemd',
  )
}

/** What the engine's own account says does not bind. */
function checkLimits({ probe: { warnings } }: EngineSurvey): Finding {
  const lacking = warnings.filter((text) => /not (enforced|limited)/.test(text))
  if (lacking.length === 0) return ok('limits', 'memory, swap, CPU and processes bind')
  const tell = lacking.some((text) => text.includes('not enforced')) ? problem : warning
  return tell('limits', lacking.join('; '), 'boot with cgroup_enable=memory swapaccount=1, or use cgroup v2')
}

function checkStorage({ storage, probe }: EngineSurvey): Finding {
  const found = `${storage.driver}${storage.fileSystem === undefined ? '' : ` on ${storage.fileSystem}`}`
  if (storage.driver === 'vfs' || storage.driver === 'devicemapper') {
    return warning('storage', `${found}: slow, and copies whole images`, 'use overlay2')
  }
  return ok('storage', `${found}; ${probe.canLimitDisk ? 'has quotas' : 'no quotas: Errand watches what tasks write'}`)
}

function checkLiveRestore({ probe }: EngineSurvey): Finding {
  if (probe.outlivesRestart) return ok('live-restore', 'on: tasks outlive a restart of the Engine')
  return warning(
    'live-restore',
    'off: a restart of the Engine ends every task',
    'set "live-restore": true in daemon.json',
  )
}

function checkLogDriver({ logDriver }: EngineSurvey): Finding {
  if (logDriver !== 'json-file') return ok('log driver', logDriver)
  const found = 'json-file, without an end for containers that are not of Errand'
  return warning('log driver', found, 'set "log-driver": "local" in daemon.json')
}

function checkNeighbours({ joinsNeighbours }: EngineSurvey): Finding {
  if (joinsNeighbours !== true) return ok('icc', 'off on the default network')
  const found = 'on: other containers of the default network reach each other'
  return warning('icc', `${found}; networks of Errand have it off`, 'set "icc": false in daemon.json')
}

function checkSeccomp({ hasSeccomp }: EngineSurvey): Finding {
  if (hasSeccomp) return ok('seccomp', 'on')
  return problem('seccomp', 'off: tasks may make every system call', 'use a kernel and an Engine with seccomp')
}

/** Only the Engine's own file tells of the proxy; without a word in it, there is one. */
export async function checkProxy(look: HostLook): Promise<Finding> {
  const text = await look.readText('/etc/docker/daemon.json')
  if (/"userland-proxy"\s*:\s*false/.test(text ?? '')) return ok('userland-proxy', 'off')
  const found = 'on: one more process per published port, which hides who connects'
  return warning('userland-proxy', found, 'set "userland-proxy": false in daemon.json')
}

/** Versions of runtimes that keep tasks apart by more than the kernel. */
export async function checkRuntimes(look: HostLook, survey: EngineSurvey): Promise<Finding[]> {
  const found: Finding[] = []
  for (const [name, path] of survey.runtimePaths) {
    const component = path.includes('runsc') ? 'runsc' : path.includes('kata') ? 'kata' : undefined
    if (component === undefined || !path.startsWith('/')) continue
    const version = await askVersion(look, path)
    const host = { hasAuthorizationPlugins: false }
    const finding =
      version === undefined
        ? problem(name, `${path} does not run`, 'install it, or take it out of daemon.json')
        : checkVersion(component, version, host)
    found.push({ ...finding, check: `runtime ${name}` })
  }
  return found
}

/** Whether this node takes work under the profile `strict`: not where the versions of its engine have holes that expose it. */
export async function checkStrict(look: HostLook, { probe }: EngineSurvey, config: StrictTerms): Promise<Finding> {
  const { isolation, tasks, executions } = config
  const [hole, ...others] = allHoles(await lookAtEngineMade(probe, look), tasks.network)
  if (hole === undefined) return ok('strict', 'taken: no version is known for a hole')
  const found = `${whereRefused(hole)} because ${hole.found}${others.length === 0 ? '' : ` (and ${others.length} more)`}`
  if (isolation.allowKnownHoles) return warning('strict', `taken ${found} (isolation.allowKnownHoles)`, hole.advice)
  // What nobody needs to ask for is no reason to call the machine unfit.
  const tell = executions.profile === 'strict' ? problem : warning
  return tell('strict', `refused ${found}`, `${hole.advice}; or accept it with isolation.allowKnownHoles`)
}

/** What the operator has said of the profile. */
type StrictTerms = Pick<Config, 'isolation' | 'tasks' | 'executions'>
