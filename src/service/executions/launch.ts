import { join } from 'node:path'
import { ErrandError } from '../../core/errors.ts'
import { invalidField } from '../../core/read-value.ts'
import { Deadline, sleep } from '../../core/wait.ts'
import { chooseRuntime, chooseSgx } from '../../engine/choose.ts'
import type { SandboxMount, SandboxSpec } from '../../engine/engine.ts'
import { presetLimits, presetMounts, withUser } from '../../engine/profile-options.ts'
import { checkInputs, type GivenInput, holdInputs } from '../../files/held-inputs.ts'
import { checkProvision, writeProvision } from '../../files/provision.ts'
import type { HeldImage } from '../../images/image-store.ts'
import type { Lease } from '../../resources/ledger.ts'
import { canonicalIp } from '../../util/ip-address.ts'
import { assertGpus } from '../gpus.ts'
import type { ExecutionDeps, ExecutionEngine } from './execution-deps.ts'
import { INPUTS, PROVISION } from './execution-place.ts'
import type { ExecutionPlan } from './execution-plan.ts'

/** To fetch nothing, and to start and remove a sandbox: what it takes beyond the time that it may run. */
const ROUND_TRIPS_MS = 5000

/** Between two looks at the disk. */
const ROOM_MS = 2000

/** The steps that lead to a sandbox, for one execution. Whatever they hold is in `held` of the caller. */
export class Launch {
  readonly #deps: ExecutionDeps
  readonly #plan: ExecutionPlan
  readonly #on: ExecutionEngine

  constructor(deps: ExecutionDeps, plan: ExecutionPlan, on: ExecutionEngine) {
    this.#deps = deps
    this.#plan = plan
    this.#on = on
  }

  /**
   * Refuses at once what can never be run here.
   * @throws validation_failed, forbidden, resources_unsatisfiable, runtime_unavailable, unsupported
   */
  async assertPossible(): Promise<void> {
    const { image, gpus, provisionScripts } = this.#plan
    const { engine, images } = this.#on
    images.assertAllowed(image)
    checkProvision(provisionScripts)
    assertGpus(gpus)
    this.#deps.admission.assertSatisfiable(engine.footprint(this.specify('', [])))
    this.#assertOffered()
    this.#assertPublishable()
    await checkInputs(
      this.#located(() => ''),
      this.#deps.privatePaths,
      this.#on.probe.hostRoot,
    )
  }

  #assertOffered(): void {
    const { network, ports, inputs, provisionScripts, outputs } = this.#plan
    const { engine, probe } = this.#on
    if (network === 'egress' && this.#deps.defaults.allowEgress === false) {
      throw new ErrandError('forbidden', 'network: egress is not granted here (executions.network)', {
        details: { network },
      })
    }
    const needs: [boolean, string][] = [
      [probe.networks.has(network), `a network ${network}`],
      [ports.length === 0 || probe.canPublish, 'ports'],
      [inputs.every(({ type }) => type === 'upload') || probe.canMount, 'inputs out of folders of the host'],
      [inputs.length === 0 || probe.findsOwnFiles, 'inputs'],
      [provisionScripts.length === 0 || probe.findsOwnFiles, 'provision scripts'],
      [outputs.length === 0 || probe.canCollect, 'outputs'],
    ]
    const lacking = needs.filter(([isThere]) => !isThere).map(([, what]) => what)
    if (lacking.length === 0) return
    throw new ErrandError('unsupported', `the engine ${engine.name} has no way to give it ${lacking.join(', ')}`)
  }

  /** The firewall of the host does not count for ports that an engine publishes. @throws forbidden */
  #assertPublishable(): void {
    const { publishAddresses: allowed } = this.#deps.defaults
    if (allowed === 'any') return
    const foreign = this.#plan.ports.find(({ hostIp }) => !allowed.includes(canonicalIp(hostIp) ?? ''))
    if (foreign === undefined) return
    const message = `ports: none can be published on ${foreign.hostIp} here (executions.publishAddresses)`
    throw new ErrandError('forbidden', message, { details: { hostIp: foreign.hostIp, allowed } })
  }

  /**
   * Waits for resources, and on a disk that is nearly full for room there: whatever runs needs some to be settled. That is
   * looked at first, for what is admitted drives idle instances out, and again when there are resources.
   * @throws resources_exhausted after `queueTimeoutMs`
   */
  async admit(queueTimeoutMs: number, signal: AbortSignal): Promise<Lease> {
    const { clock } = this.#deps
    const untilMs = clock.monotonicMs() + queueTimeoutMs
    for (;;) {
      const leftMs = Math.max(0, untilMs - clock.monotonicMs())
      let shortage = await this.#shortage()
      if (shortage === undefined) {
        const lease = await this.#admitted(leftMs, signal)
        shortage = await this.#shortage()
        if (shortage === undefined) return lease
        lease.release()
      }
      if (leftMs === 0) throw new ErrandError('resources_exhausted', shortage.message, { cause: shortage })
      await sleep(clock, Math.min(ROOM_MS, leftMs), signal)
    }
  }

  #admitted(timeoutMs: number, signal: AbortSignal): Promise<Lease> {
    const { executionId, callerId, image, priority } = this.#plan
    const resources = this.#on.engine.footprint(this.specify('', []))
    const holder = { instanceId: executionId, image }
    const holdsAtMostMs = this.#holdsAtMostMs()
    const place = { priority, callerId, ...(holdsAtMostMs !== undefined && { holdsAtMostMs }) }
    return this.#deps.admission.admit({ resources, holder, timeoutMs, ...place }, signal)
  }

  /** Undefined where that cannot be known: fetching an image, and bringing outputs in, may take as long as they like. */
  #holdsAtMostMs(): number | undefined {
    const { timeoutMs, graceMs, outputs, image } = this.#plan
    if (timeoutMs === undefined || outputs.length > 0 || !this.#on.images.isInUse(image)) return undefined
    return timeoutMs + graceMs + ROUND_TRIPS_MS
  }

  async #shortage(): Promise<ErrandError | undefined> {
    try {
      await this.#deps.assertRoom?.()
      return undefined
    } catch (error) {
      return ErrandError.from(error)
    }
  }

  async image(signal: AbortSignal): Promise<HeldImage> {
    const { image, pullTimeoutMs } = this.#plan
    const tooLate = (): ErrandError =>
      new ErrandError('image_pull_timeout', `${image} was not here within ${pullTimeoutMs} ms`)
    using deadline = new Deadline(this.#deps.clock, pullTimeoutMs, tooLate, signal)
    return await this.#on.images.ensure(image, deadline.signal)
  }

  /** Inputs are held where they were checked until `held` is disposed; scripts lie below `folder`. */
  async mounts(
    folder: string,
    uploadAt: (name: string) => string,
    held: DisposableStack,
  ): Promise<{ mounts: SandboxMount[]; prefix: readonly string[] }> {
    const { provisionScripts } = this.#plan
    const inputs = this.#located(uploadAt)
    const { privatePaths } = this.#deps
    const holding = holdInputs(inputs, privatePaths, join(folder, INPUTS), this.#on.probe.hostRoot)
    const heldInputs = held.use(await holding)
    if (provisionScripts.length === 0) return { mounts: [...heldInputs.mounts], prefix: [] }
    const { mount, entrypointPrefix } = await writeProvision(join(folder, PROVISION), provisionScripts)
    return { mounts: [...heldInputs.mounts, mount], prefix: entrypointPrefix }
  }

  /** @throws runtime_unavailable */
  specify(imageId: string, mounts: readonly SandboxMount[], prefix: readonly string[] = []): SandboxSpec {
    const { isolation, sgx, profile, network } = this.#plan
    const runtime = chooseRuntime(isolation, this.#deps.runtimes, this.#on.probe)
    this.#deps.assertSound?.({ profile, runtime, network })
    const paths = chooseSgx({ sgx, isolation }, this.#deps.sgx)
    return { ...this.#specifyOn(runtime, imageId, mounts, prefix), ...(paths !== undefined && { sgx: paths }) }
  }

  /** Of a sandbox that is there: what this node offers by now, and what the owner says of runtimes, is no matter any more. */
  describe(imageId: string): SandboxSpec {
    return this.#specifyOn(this.#on.probe.defaultRuntime, imageId, [], [])
  }

  #specifyOn(
    runtime: string,
    imageId: string,
    mounts: readonly SandboxMount[],
    prefix: readonly string[],
  ): SandboxSpec {
    const { resources, profile, network, ports, dnsServers, pidsLimit, diskBytes, preset } = this.#plan
    const asked = { ...this.#plan.process, ...(prefix.length > 0 && { prefix }) }
    const process = withUser(asked, profile, this.#plan.executionId)
    const { probe } = this.#on
    return {
      imageId,
      resources,
      runtime,
      profile,
      process,
      network,
      hasSocket: false,
      ports,
      dnsServers,
      mounts: [...mounts, ...presetMounts(preset, process.user)],
      ...presetLimits(preset),
      ...(pidsLimit !== undefined && { pidsLimit }),
      ...(probe.canLimitDisk && { diskBytes }),
    }
  }

  /** Where each input is on this host. @throws validation_failed */
  #located(uploadAt: (name: string) => string): GivenInput[] {
    const { inputPresets } = this.#deps.defaults
    return this.#plan.inputs.map((input, index): GivenInput => {
      if (input.type === 'bind') return input
      if (input.type === 'upload') return { ...input, source: uploadAt(input.upload) }
      const preset = inputPresets.get(input.preset)
      const field = `inputs.${index}.${preset === undefined ? 'preset' : 'readOnly'}`
      if (preset === undefined) throw invalidField(field, `this node has no input ${JSON.stringify(input.preset)}`)
      if (preset.isReadOnly && input.readOnly === false) throw invalidField(field, 'this input can only be read')
      return { ...input, source: preset.path }
    })
  }
}
