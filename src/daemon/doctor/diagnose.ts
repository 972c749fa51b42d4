import type { Clock } from '../../core/clock.ts'
import { ErrandError } from '../../core/errors.ts'
import type { RuntimePolicy } from '../../engine/choose.ts'
import type { EngineSurvey } from '../../engine/engine-survey.ts'
import type { ListenerConfig } from '../../http/listener-config.ts'
import { shortageOf } from '../../images/low-water-mark.ts'
import type { Config } from '../config/config.ts'
import { ConfigError } from '../config/config-error.ts'
import type { ConfigFlags } from '../config/flags.ts'
import type { ConfigHost } from '../config/host.ts'
import { loadConfig } from '../config/load.ts'
import { type AskHealth, checkDaemon, findHolder } from './daemon-checks.ts'
import { checkGpus, checkSgx } from './device-checks.ts'
import { checkEngine, checkProxy, checkRuntimes, checkStrict } from './engine-checks.ts'
import { type Finding, ok, problem } from './finding.ts'
import { checkDisk, checkRunDir, checkStateFolder } from './folder-checks.ts'
import {
  checkBridgeFilter,
  checkClock,
  checkControllers,
  checkFileSystems,
  checkFirewall,
  checkNode,
  checkOpenFiles,
} from './host-checks.ts'
import type { HostLook } from './host-look.ts'
import { type IsolationRow, isolationTable } from './isolation-table.ts'
import { checkJournal, checkListeners, checkNamedNetwork } from './start-checks.ts'

/** What is known of this machine as a node. */
export interface Diagnosis {
  readonly findings: readonly Finding[]
  /** Empty where no engine answers. */
  readonly isolations: readonly IsolationRow[]
}

/** What looking needs. */
export interface DiagnosisDeps {
  readonly look: HostLook
  /** With the network that warm tasks are to be put on, if one was named. @throws engine_unavailable */
  readonly survey: (socketPath: string, signal: AbortSignal, network?: string) => Promise<EngineSurvey>
  readonly canFilter: () => Promise<boolean>
  readonly askHealth: AskHealth
  /** Rejects with what a daemon would be refused it for. Listens nowhere. */
  readonly assertListenable: (listener: ListenerConfig) => Promise<void>
  /** Rejects with what is wrong with the file, which it leaves as it is. */
  readonly inspectJournal: (path: string) => Promise<boolean>
  readonly clock: Clock
  readonly nodeVersion: string
  readonly uid: number
}

/**
 * Looks at all that a daemon with these flags would need here, and changes nothing. What cannot be looked at is a finding,
 * too.
 * @throws cancelled
 */
export async function diagnose(
  flags: ConfigFlags,
  host: ConfigHost,
  deps: DiagnosisDeps,
  signal: AbortSignal,
): Promise<Diagnosis> {
  const { look, clock } = deps
  const begin = { wallMs: clock.wallMs(), monotonicMs: clock.monotonicMs() }
  const { config, finding } = readConfig(flags, host)
  const survey = await surveyEngine(config, deps, signal)
  const seen = survey instanceof ErrandError ? [engineProblem(survey)] : await lookAtEngine(survey, config, deps)
  const isAtWork = (await findHolder(look, config.stateDir)) !== undefined
  const looks = await Promise.all([
    checkDaemon(look, config.stateDir, socketOf(config), deps.askHealth),
    checkStateFolder(look, config.stateDir, deps.uid),
    checkJournal(look, config.stateDir, isAtWork, deps.inspectJournal),
    checkListeners(config.listeners, isAtWork, deps.assertListenable),
    checkDisk(look, 'disk of the state folder', config.stateDir, shortageOf),
    checkOpenFiles(look),
    checkFileSystems(look),
    checkBridgeFilter(look),
    deps.canFilter().then((canFilter) => checkFirewall(canFilter, config.docker.network)),
    checkSgx(look, config.sgx),
  ])
  const gpus = await checkGpus(look, config.grant.hasGpu)
  signal.throwIfAborted()
  const clockLook = {
    wallMs: [begin.wallMs, clock.wallMs()],
    monotonicMs: [begin.monotonicMs, clock.monotonicMs()],
  } as const
  return {
    findings: [
      checkNode(deps.nodeVersion),
      finding,
      ...seen,
      checkRunDir(config.runDir),
      ...looks,
      ...gpus,
      await checkClock(look, clockLook),
    ],
    isolations: survey instanceof ErrandError ? [] : isolationTable(survey.probe, policyOf(config)),
  }
}

/** A wrong configuration is a finding; the rest is looked at as if there were none. */
function readConfig(flags: ConfigFlags, host: ConfigHost): { readonly config: Config; readonly finding: Finding } {
  try {
    return { config: loadConfig(flags, host).config, finding: ok('configuration', 'valid') }
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    const [first = '', ...more] = error.message.split('\n')
    const others = more.length === 0 ? '' : ` (and ${more.length} more)`
    const { config } = loadConfig({}, { ...host, environment: {}, exists: () => false })
    return { config, finding: problem('configuration', `${first}${others}`, 'errand config explain tells all of it') }
  }
}

async function surveyEngine(
  { docker }: Config,
  { survey }: DiagnosisDeps,
  signal: AbortSignal,
): Promise<EngineSurvey | ErrandError> {
  return survey(docker.socketPath, signal, docker.network).catch((error: unknown) => {
    signal.throwIfAborted()
    return ErrandError.from(error)
  })
}

async function lookAtEngine(survey: EngineSurvey, config: Config, { look }: DiagnosisDeps): Promise<Finding[]> {
  const { storageFolder } = survey.probe
  return [
    ...checkEngine(survey),
    ...checkNamedNetwork(survey),
    ...(await checkRuntimes(look, survey)),
    await checkStrict(look, survey, config),
    await checkProxy(look),
    await checkControllers(look, survey.cgroup.version),
    ...(storageFolder === undefined
      ? []
      : [await checkDisk(look, 'disk of the Engine', storageFolder, (space) => shortageOf(space))]),
  ]
}

function engineProblem(error: ErrandError): Finding {
  return problem('Docker Engine', error.message, 'start it, name its socket by --docker-host, or run as root')
}

function socketOf({ listeners }: Config): string | undefined {
  return listeners.flatMap(({ address }) => ('unixPath' in address ? [address.unixPath] : []))[0]
}

function policyOf({ grant, isolation }: Config): RuntimePolicy {
  return { microVmRuntime: grant.microVmRuntime, ...isolation }
}
