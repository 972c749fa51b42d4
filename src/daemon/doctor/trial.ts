import type { Clock } from '../../core/clock.ts'
import { ErrandError } from '../../core/errors.ts'
import { randomId } from '../../core/ids.ts'
import type { Preset } from '../../core/presets.ts'
import { Deadline } from '../../core/wait.ts'
import type { Engine, SandboxExit, SandboxProfile, SandboxRef, SandboxSpec } from '../../engine/engine.ts'
import { OutputRing } from '../../logs/output-ring.ts'

/** What an image is tried under. */
export interface TrialTerms {
  readonly imageId: string
  readonly profile: SandboxProfile
  readonly preset?: Preset
  readonly memoryBytes: number
  /** How long it has to show what it does, in milliseconds. */
  readonly forMs: number
}

/** How it went. */
export interface Trial {
  readonly profile: SandboxProfile
  readonly memoryBytes: number
  /** Undefined: it still ran when its time was up. */
  readonly exit: SandboxExit | undefined
  /** The engine found no command to run, or none that it may. */
  readonly lacksCommand: boolean
  /** The end of what it printed, and then of its errors. */
  readonly output: string
}

const KEPT_BYTES = 64 * 1024
/** A user that no image knows, as executions under `strict` have. */
const STRICT_USER = '61184:61184'
/** Of one engine call of a trial, beside its own deadlines. */
const REMOVE_DEADLINE_MS = 60_000

/**
 * Runs an image for a short while, with nothing but what its profile gives: no network, no mount, no port. Whatever
 * happens, nothing is left of it.
 * @throws as the engine's calls; cancelled
 */
export async function tryImage(engine: Engine, terms: TrialTerms, clock: Clock, signal: AbortSignal): Promise<Trial> {
  const { defaultRuntime } = await engine.probe(signal)
  const id = randomId()
  const labels = { 'dev.errand.kind': 'doctor', 'dev.errand.id': id }
  const identity = { name: `errand-doctor-${id}`, labels }
  let ref: SandboxRef
  try {
    ref = await engine.create(specOf(terms, defaultRuntime), identity, signal)
  } catch (error) {
    // A call without an answer may have made it all the same.
    await removeByName(engine, identity.name)
    const { code, message } = ErrandError.from(error)
    if (code !== 'image_invalid') throw error
    // It names nothing to run.
    const { profile, memoryBytes } = terms
    return { profile, memoryBytes, exit: undefined, lacksCommand: true, output: message }
  }
  try {
    return await watch(engine, ref, terms, clock, signal)
  } finally {
    await engine.remove(ref, AbortSignal.timeout(REMOVE_DEADLINE_MS))
  }
}

async function removeByName(engine: Engine, name: string): Promise<void> {
  const signal = AbortSignal.timeout(REMOVE_DEADLINE_MS)
  const found = await engine.inspect({ name }, signal).catch(() => undefined)
  if (found !== undefined) await engine.remove(found, signal).catch(() => {})
}

function specOf({ imageId, profile, preset, memoryBytes }: TrialTerms, runtime: string): SandboxSpec {
  const owner = profile === 'strict' ? { owner: STRICT_USER } : {}
  return {
    imageId,
    resources: { cpuMillis: 1000, memoryBytes, gpus: 0 },
    runtime,
    profile: preset?.profile ?? profile,
    process: profile === 'strict' && preset?.profile === undefined ? { user: STRICT_USER } : {},
    network: 'none',
    hasSocket: false,
    mounts: (preset?.scratch ?? []).map((folder) => ({ kind: 'scratch', ...owner, ...folder })),
    ...(preset?.shmBytes !== undefined && { shmBytes: preset.shmBytes }),
    ...(preset?.pidsLimit !== undefined && { pidsLimit: preset.pidsLimit }),
  }
}

async function watch(
  engine: Engine,
  ref: SandboxRef,
  { profile, memoryBytes, forMs }: TrialTerms,
  clock: Clock,
  signal: AbortSignal,
): Promise<Trial> {
  const facts = { profile, memoryBytes }
  try {
    await engine.start(ref, signal)
  } catch (error) {
    const { code, message } = ErrandError.from(error)
    if (code !== 'command_not_found') throw error
    return { ...facts, exit: undefined, lacksCommand: true, output: message }
  }
  const output = await outputOf(engine, ref, forMs, clock, signal)
  const exit = (await engine.inspect(ref, signal))?.exit
  const lacksCommand = exit !== undefined && engine.explainExit(exit.exitCode, output) === 'command_not_found'
  return { ...facts, exit, lacksCommand, output }
}

/**
 * The ends of what it prints until it ends, or its time is up: of its errors last, which say why. In which order the two came
 * nobody knows.
 */
async function outputOf(
  engine: Engine,
  ref: SandboxRef,
  forMs: number,
  clock: Clock,
  signal: AbortSignal,
): Promise<string> {
  const timeUp = new ErrandError('deadline_exceeded', 'the time of the trial is up')
  using deadline = new Deadline(clock, forMs, () => timeUp, signal)
  const kept = { stdout: new OutputRing(KEPT_BYTES), stderr: new OutputRing(KEPT_BYTES) }
  try {
    for await (const { stream, data } of engine.output(ref, { follow: true }, deadline.signal)) kept[stream].push(data)
  } catch (error) {
    if (deadline.signal.reason !== timeUp) throw error
  }
  const [printed, errors] = [kept.stdout.text(), kept.stderr.text()]
  return printed === '' || printed.endsWith('\n') ? printed + errors : `${printed}\n${errors}`
}
