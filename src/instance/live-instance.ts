import type { Endpoint } from '../core/endpoint.ts'
import { ErrandError } from '../core/errors.ts'
import type { InstanceState } from '../core/instance-state.ts'
import type { Resources } from '../core/resources.ts'
import { Deadline } from '../core/wait.ts'
import type { SandboxIdentity, SandboxListing, SandboxRef, SandboxView } from '../engine/engine.ts'
import type { CpuCounter } from '../resources/cgroup-cpu.ts'
import { abortable } from '../util/abort.ts'
import { diskLimit } from './disk-limit.ts'
import type { DiskWatch } from './disk-watch.ts'
import { engineTooLateError, exitError, limitsError, notReadyError } from './exit-errors.ts'
import type { SandboxEnd } from './exit-observer.ts'
import { HeldFolder } from './held-folder.ts'
import type { DiskOverrun, Instance, InstanceExit, InstanceImage, InstancePlan } from './instance.ts'
import { findReachable, firstReachable, type Reach } from './readiness.ts'
import { StopLadder } from './stop-ladder.ts'
import { SupervisedSandbox, type SupervisionDeps } from './supervised-sandbox.ts'
import { TaskOutput } from './task-output.ts'

export interface LiveInstanceDeps extends SupervisionDeps {
  readonly reach: Reach
  readonly disks: DiskWatch
  /** What a process and the others of its sandbox have used; undefined where that cannot be read. */
  readonly cpuCounter: (pid: number) => CpuCounter | undefined
}

/** A sandbox that serves requests: ready once its server can be reached. */
export class LiveInstance implements Instance {
  readonly gone: Promise<void>
  readonly exited: Promise<InstanceExit>
  readonly #deps: LiveInstanceDeps
  readonly #plan: InstancePlan
  readonly #sandbox: SupervisedSandbox
  readonly #output: TaskOutput
  readonly #ladder: StopLadder
  /** Aborts a start whose task has died. */
  readonly #died = new AbortController()
  #folder: HeldFolder | undefined
  #pid: number | undefined
  #overrun: DiskOverrun | undefined
  #isStopping = false

  /** `identify` gives each attempt to create it a name of its own; the first is 1. */
  constructor(deps: LiveInstanceDeps, plan: InstancePlan, identify: (attempt: number) => SandboxIdentity) {
    this.#deps = deps
    this.#plan = plan
    this.#sandbox = new SupervisedSandbox(deps, plan, identify)
    this.#ladder = new StopLadder(deps, this.#sandbox)
    this.#output = new TaskOutput(deps, plan.readiness)
    this.exited = this.#sandbox.exited.then((end) => this.#describe(end))
    this.gone = this.#sandbox.gone.then(() => this.#folder?.[Symbol.dispose]())
  }

  get id(): string {
    return this.#plan.id
  }

  get name(): string {
    return this.#sandbox.name
  }

  get state(): InstanceState {
    return this.#sandbox.state
  }

  get image(): InstanceImage {
    return this.#plan.image
  }

  get resources(): Resources {
    return this.#plan.lease.resources
  }

  get pid(): number | undefined {
    return this.#pid
  }

  get ended(): Promise<void> {
    return this.#sandbox.ended
  }

  get endpoint(): Endpoint {
    if (this.#folder === undefined) throw new ErrandError('internal', `instance ${this.id} is not ready`)
    return this.#folder.endpoint
  }

  /** Creates, starts and waits until it serves. `onStarted` is called once the engine has done its part. After a rejection: `stop`. */
  async start(onStarted: () => void, parent: AbortSignal): Promise<void> {
    const { startTimeoutMs, phases } = this.#plan
    let isEngineDone = false
    const tooLate = () =>
      isEngineDone ? notReadyError(this.#plan, this.#output.tail) : engineTooLateError(startTimeoutMs)
    using deadline = new Deadline(this.#deps.clock, startTimeoutMs, tooLate, parent)
    const signal = AbortSignal.any([deadline.signal, this.#died.signal])
    try {
      const ref = await this.#sandbox.create(signal)
      phases.end('create')
      await this.#output.follow(ref, signal)
      const view = await this.#sandbox.start(ref, signal)
      this.#pid = view.pid
      this.#watchDisk(ref)
      isEngineDone = true
      onStarted()
      phases.end('start')
      this.#folder = new HeldFolder(await this.#becomeReachable(view, signal))
      this.#sandbox.markReady()
      phases.end('ready')
    } catch (error) {
      this.#sandbox.markFailed(error)
      throw error
    } finally {
      this.#output.release()
    }
  }

  /**
   * Takes over what an earlier process made, provided that it serves as it should. Instead of `start`; after a rejection:
   * `stop`. Does not wait for one that is not ready yet: nobody could tell it from one that will never be.
   */
  async adopt(listing: SandboxListing, parent: AbortSignal): Promise<void> {
    this.#sandbox.adopt(listing)
    const signal = AbortSignal.any([parent, this.#died.signal])
    const view = await this.#deps.engine.inspect(listing, signal)
    if (view?.id !== listing.id || view.state !== 'running') throw new ErrandError('task_gone', 'it does not run')
    const unset = limitsError(this.#plan.spec.resources, view.limits)
    if (unset !== undefined) throw unset
    if (view.tcp === undefined && this.#plan.spec.network !== 'none') {
      throw new ErrandError('network_unavailable', 'it is not on its network any more')
    }
    const hasMarked = await this.#output.hasMarked(listing, signal)
    const endpoint = hasMarked ? await this.#findReachable(view, signal) : undefined
    if (endpoint === undefined) throw new ErrandError('not_ready', 'it has not been ready, or does not listen any more')
    signal.throwIfAborted()
    this.#pid = view.pid
    this.#watchDisk(listing)
    this.#folder = new HeldFolder(endpoint)
  }

  stop(graceMs: number): Promise<void> {
    this.#ladder.allow(graceMs)
    if (!this.#isStopping) {
      this.#isStopping = true
      this.#sandbox.markLeaving()
      this.#deps.background.add(this.#end())
    }
    return this.gone
  }

  async #becomeReachable(view: SandboxView, signal: AbortSignal): Promise<Endpoint> {
    await abortable(this.#output.marked, signal)
    return firstReachable(endpointsOf(view), this.#plan.readiness, this.#deps.reach, this.#deps.clock, signal)
  }

  #findReachable(view: SandboxView, signal: AbortSignal): Promise<Endpoint | undefined> {
    return findReachable(endpointsOf(view), this.#plan.readiness, this.#deps.reach, signal)
  }

  /** From its start on, for it can fill a disk before it is ready. */
  #watchDisk(ref: SandboxRef): void {
    const { disks, engine, cpuCounter } = this.#deps
    const limit = diskLimit(this.#plan.diskBytes)
    const watching = disks.add({
      name: this.name,
      limit,
      cpuMs: this.#pid === undefined ? undefined : cpuCounter(this.#pid),
      diskUsage: (signal) => engine.diskUsage(ref, limit, signal),
      onBeyond: (used) => this.#endForDisk({ used, limit }),
    })
    void this.ended.then(() => watching[Symbol.dispose]())
  }

  /** Its exit tells the rest. One that has ended, or was told to, has its own reason. */
  async #endForDisk(overrun: DiskOverrun): Promise<void> {
    if (this.#isStopping || this.#sandbox.hasExited) return
    this.#overrun = overrun
    await this.#sandbox.terminate('SIGKILL', this.#deps.closing)
  }

  async #describe(end: SandboxEnd): Promise<InstanceExit> {
    const wasStopped = this.#isStopping
    const { ref } = this.#sandbox
    const log = wasStopped || ref === undefined ? '' : await this.#output.lastWords(ref)
    const exit = { ...end, ...(this.#overrun && { overrun: this.#overrun }), wasStopped, log }
    this.#died.abort(exitError(this.#deps.engine, exit, this.#plan.spec))
    return exit
  }

  /** Its removal kills it. */
  async #end(): Promise<void> {
    if (this.state === 'ready') await this.#ladder.ask('SIGTERM')
    await this.#sandbox.remove()
  }
}

/** Best first. */
function endpointsOf({ unix, tcp }: SandboxView): Endpoint[] {
  return [unix, tcp].filter((endpoint) => endpoint !== undefined)
}
