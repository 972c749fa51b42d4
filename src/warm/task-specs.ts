import { createHash } from 'node:crypto'
import { ErrandError } from '../core/errors.ts'
import { fullName, parseImageReference } from '../core/image-reference.ts'
import { PRESETS, type Preset, type PresetName } from '../core/presets.ts'
import type { Task, TaskDefinition } from '../core/task.ts'
import { type AssertSound, chooseRuntime, chooseSgx, type RuntimePolicy } from '../engine/choose.ts'
import type { EngineProbe, SandboxNetworkKind, SandboxSpec, SgxPaths } from '../engine/engine.ts'
import { presetLimits, presetMounts, withUser } from '../engine/profile-options.ts'
import { imageGlob } from '../images/image-glob.ts'

export interface TaskSpecsDeps {
  readonly probe: EngineProbe
  /** Asked every time: the owner may change it. */
  readonly runtimes: () => RuntimePolicy
  /** Absent where nothing is known of the engine's versions. */
  readonly assertSound?: AssertSound
  readonly sgx: SgxPaths | undefined
  readonly port: number
  /** Says which network tasks are put on, in whatever words: two that differ are two networks. */
  readonly network: string
  /** What that network is: where a task asks for the other kind, it is put elsewhere. */
  readonly networkKind: 'internal' | 'egress'
  /** What images get, by globs over full names; the first that fits counts. */
  readonly presets: readonly ImagePreset[]
  /** Granted, beside those, to whoever asks for them. */
  readonly grantedPresets: readonly PresetName[]
}

/** A preset for the images that a glob names. */
interface ImagePreset {
  readonly glob: string
  readonly preset: PresetName
}

/** The sandboxes that tasks get on this node, by its present configuration. */
export class TaskSpecs {
  readonly #deps: TaskSpecsDeps
  readonly #presets: readonly { readonly matches: (name: string) => boolean; readonly preset: PresetName }[]

  constructor(deps: TaskSpecsDeps) {
    this.#deps = deps
    this.#presets = deps.presets.map(({ glob, preset }) => ({ matches: imageGlob(glob), preset }))
  }

  /** Without its scripts. @throws runtime_unavailable, network_unavailable, unsupported; validation_failed for a preset that is not granted */
  specify(task: Task, imageId: string): SandboxSpec {
    const { probe, runtimes, port, sgx } = this.#deps
    const { definition } = task
    const runtime = chooseRuntime(task.isolation, runtimes(), probe)
    const preset = this.#presetOf(task)
    const profile = preset?.profile ?? definition?.profile ?? 'standard'
    const process = withUser(definition?.process ?? {}, profile, definition?.digest ?? task.image)
    const mounts = presetMounts(preset, process.user)
    const paths = chooseSgx(task, sgx)
    const { pidsLimit, provisionScripts } = definition ?? {}
    const network = this.#networkOf(definition)
    this.#deps.assertSound?.({ profile, runtime, network })
    const hasSocket = probe.runtimes.get(runtime)?.hasUnixSocket ?? false
    if (network === 'none' && !hasSocket) throw unreachableError(runtime)
    if (provisionScripts !== undefined && !probe.findsOwnFiles) {
      throw new ErrandError('unsupported', 'the engine has no way to give a task provision scripts here')
    }
    return {
      imageId,
      resources: task.resources,
      runtime,
      profile,
      process,
      network,
      port: definition?.port ?? port,
      hasSocket,
      ...(mounts.length > 0 && { mounts }),
      ...presetLimits(preset),
      ...(pidsLimit !== undefined && { pidsLimit }),
      ...(paths !== undefined && { sgx: paths }),
    }
  }

  /** The same for two sandboxes that were made alike, by this process or an earlier one. */
  setupOf(spec: SandboxSpec): string {
    return createHash('sha256')
      .update(JSON.stringify([spec, this.#deps.network]))
      .digest('hex')
  }

  #presetOf({ image, definition }: Task): Preset | undefined {
    const ofImage = this.#presetOfImage(image)
    const asked = definition?.preset
    if (asked === undefined || asked === ofImage) return ofImage && PRESETS[ofImage]
    const { grantedPresets } = this.#deps
    if (grantedPresets.includes(asked)) return PRESETS[asked]
    throw new ErrandError('validation_failed', `preset: ${JSON.stringify(asked)} is not granted here`, {
      details: { granted: [...new Set([...grantedPresets, ...(ofImage === undefined ? [] : [ofImage])])] },
    })
  }

  #presetOfImage(image: string): PresetName | undefined {
    if (this.#presets.length === 0) return undefined
    const name = fullName(parseImageReference(image))
    return this.#presets.find(({ matches }) => matches(name))?.preset
  }

  /** The network that warm tasks share is the quickest to be put on. */
  #networkOf(definition: TaskDefinition | undefined): SandboxNetworkKind {
    const { networkKind, probe } = this.#deps
    const asked = definition?.network
    if (asked === undefined || asked === networkKind) return 'tasks'
    if (probe.networks.has(asked)) return asked
    throw new ErrandError('network_unavailable', `this node has no network ${asked} for a task of its own`)
  }
}

function unreachableError(runtime: string): ErrandError {
  return new ErrandError(
    'runtime_unavailable',
    `network: none needs a unix socket to serve on, and this node reaches none of a task under the runtime ${runtime}`,
    { details: { runtime, network: 'none' } },
  )
}
