import type { StartPermits } from '../admission/start-permits.ts'
import { ErrandError } from '../core/errors.ts'
import { Deadline } from '../core/wait.ts'
import type { SandboxListing, SandboxView } from '../engine/engine.ts'
import { abortable } from '../util/abort.ts'
import { BackgroundWork } from '../util/background-work.ts'
import { DiskWatch } from './disk-watch.ts'
import { type EngineRun, EngineRuns } from './engine-run.ts'
import { ExecutionInstance, type ExecutionInstanceDeps, type ExecutionInstancePlan } from './execution-instance.ts'
import { INSTALLATION_LABEL, type Installation, identify, type SandboxOwner } from './identity.ts'
import type { Instance, InstancePlan } from './instance.ts'
import { type GiveLease, type LeftInstance, LeftInstances } from './left-instance.ts'
import { LiveInstance, type LiveInstanceDeps } from './live-instance.ts'
import { Reconciliation } from './reconciliation.ts'
import { removeSandbox } from './removal.ts'
import { SandboxWatch } from './sandbox-watch.ts'

export interface InstancesDeps
  extends Omit<LiveInstanceDeps, 'watch' | 'disks' | 'background' | 'closing' | 'onUncertain'> {
  readonly installation: Installation
  readonly node: string
  /** How many sandboxes may be created and started side by side. */
  readonly permits: StartPermits
  /** Called whenever the engine's events come anew: it may be another one now. */
  readonly onEngineBack?: () => void
}

/** A permit paces starts: one whose engine calls take longer than this no longer keeps others waiting. */
const MOST_PERMIT_MS = 10_000
/** How long a failed start waits for its own clean-up before it is reported. */
const CLEAN_UP_MS = 5000
/** The same where the engine gave no answer: its caller has waited for long, and it may not answer soon. */
const UNCERTAIN_CLEAN_UP_MS = 500

/** Launches instances on one engine. Everything that makes a sandbox goes through here. */
export class Instances implements AsyncDisposable {
  readonly #deps: InstancesDeps
  readonly #watch: SandboxWatch
  readonly #disks: DiskWatch
  readonly #background = new BackgroundWork()
  /** What goes on as long as executions do. */
  readonly #executionWork = new BackgroundWork()
  readonly #engineRun: EngineRuns
  readonly #closing = new AbortController()
  /** While one lasts, what belongs to no instance of this process may yet be taken up. */
  readonly #truces = new Set<object>()
  readonly #left: LeftInstances
  readonly #reconciliation: Reconciliation
  /** Names of what belonged to no instance when it was last compared. */
  #strays: ReadonlySet<string> = new Set()
  /** From before the engine is asked, or since they were found, until they are gone. */
  readonly #living = new Set<{ readonly name: string }>()

  private constructor(deps: InstancesDeps, watch: SandboxWatch) {
    this.#deps = deps
    this.#watch = watch
    this.#disks = new DiskWatch(deps)
    this.#engineRun = new EngineRuns(deps)
    this.#left = new LeftInstances({ ...deps, closing: this.#closing.signal }, this.#living)
    const isNeeded = (): boolean => this.#living.size > 0
    const compare = (): void => this.#background.add(this.#reconcile())
    this.#reconciliation = new Reconciliation(deps.clock, isNeeded, compare)
    // Whatever the engine did while nobody listened, for calls whose answers were lost.
    watch.onGap(() => {
      this.#engineRun.forget()
      deps.onEngineBack?.()
      this.#background.add(this.#removeStray())
    })
  }

  /** Resolves once the engine's events arrive. */
  static async open(deps: InstancesDeps, signal: AbortSignal): Promise<Instances> {
    const watched = { ...deps, label: INSTALLATION_LABEL, value: deps.installation.id }
    return new Instances(deps, await SandboxWatch.open(watched, signal))
  }

  /**
   * Starts an instance and waits until it serves. Waits for a start permit first, in order.
   * @throws task_exited, command_not_found, not_ready with `details.log`; task_gone; runtime_unavailable; engine errors.
   * Nothing is left behind then, and the lease is released as soon as the engine has confirmed it.
   */
  async launch(plan: InstancePlan, signal: AbortSignal): Promise<Instance> {
    const { installation, node, permits, clock } = this.#deps
    const identifyBy = (attempt: number) =>
      identify(installation, node, { kind: 'warm', ...plan }, plan.spec, attempt, plan.lease.resources)
    const instance = this.#live(new LiveInstance(this.#instanceDeps(), plan, identifyBy))
    try {
      using permit = await permits.acquire(signal)
      using _patience = clock.setTimer(MOST_PERMIT_MS, () => permit[Symbol.dispose]())
      plan.phases.end('queue')
      await instance.start(() => permit[Symbol.dispose](), signal)
      return instance
    } catch (error) {
      await this.#cleanUp(instance)
      throw error
    }
  }

  /** The sandbox of an execution: nothing is asked of the engine before its `start`. Whoever made it removes it. */
  execution(plan: ExecutionInstancePlan, owner: SandboxOwner): ExecutionInstance {
    const { installation, node } = this.#deps
    const identifyBy = (tries: number) => identify(installation, node, owner, plan.spec, tries, plan.lease.resources)
    const deps = { ...this.#instanceDeps(), background: this.#executionWork }
    return this.#live(new ExecutionInstance(deps, plan, identifyBy))
  }

  /**
   * The warm instances that earlier processes of this installation left. Each holds a lease from now on, which `lease` has
   * given for what its labels say that it holds. Adopt or discard every one.
   */
  async leftWarm(lease: GiveLease, signal: AbortSignal): Promise<readonly LeftInstance[]> {
    return this.#left.find(await this.#list(signal), lease)
  }

  /**
   * Takes it over if it serves; does not wait until it does.
   * @throws not_ready, task_gone, task_exited, network_unavailable, runtime_unavailable; engine errors. It is being removed then.
   */
  async adopt(left: LeftInstance, plan: InstancePlan, signal: AbortSignal): Promise<Instance> {
    const instance = this.#live(new LiveInstance(this.#instanceDeps(), plan, () => left.listing))
    this.#left.decide(left)
    this.#living.delete(left)
    try {
      await instance.adopt(left.listing, signal)
      return instance
    } catch (error) {
      this.#background.add(instance.stop(0).then(() => this.#left.noteRemoved(left)))
      throw error
    }
  }

  /** Removes it in the background. Does nothing to one that was adopted, or tried to be. */
  discard(left: LeftInstance): void {
    if (this.#left.decide(left)) this.#background.add(this.#left.remove(left))
  }

  /** Nothing is removed for belonging to no instance before the returned value is disposed, unless `removeLeftovers` is called. */
  spareLeftovers(): Disposable {
    const truce = {}
    this.#truces.add(truce)
    return { [Symbol.dispose]: () => void this.#truces.delete(truce) }
  }

  /**
   * Removes what of this installation belongs to no instance of this process: earlier ones left it behind. Returns how
   * much that was. Touches nothing else.
   */
  async removeLeftovers(signal: AbortSignal): Promise<number> {
    const living = [...this.#living]
    const leftovers = this.#left.withoutInstance(await this.#list(signal), living)
    await this.#removeAll(leftovers, signal)
    return leftovers.length
  }

  #list(signal: AbortSignal): Promise<SandboxListing[]> {
    return this.#deps.engine.list(INSTALLATION_LABEL, this.#deps.installation.id, signal)
  }

  async #removeAll(listed: readonly SandboxListing[], signal: AbortSignal): Promise<void> {
    const removal = { ...this.#deps, closing: signal }
    await Promise.all(listed.map((listing) => removeSandbox(removal, listing)))
    signal.throwIfAborted()
  }

  /** What the engine shows of executions that earlier processes of this installation began, by execution id. */
  async leftExecutions(signal: AbortSignal): Promise<Map<string, SandboxView>> {
    return this.#left.executions(await this.#list(signal), signal)
  }

  /**
   * Asked once for each run of the engine, or `anew`: one that is going down has not told yet. One that gives no answer is
   * asked until it does. @throws signal.reason
   */
  engineRun(signal: AbortSignal, anew = false): Promise<EngineRun> {
    return this.#engineRun.ask(signal, anew)
  }

  /** Resolves when no instance is being removed any more. */
  idle(): Promise<void> {
    return this.#background.idle()
  }

  /** Lets go: whatever still exists is left for the next start. Stop instances before, to remove them. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#reconciliation[Symbol.dispose]()
    this.#closing.abort(new ErrandError('cancelled', 'the node lets go of its instances'))
    await this.#watch[Symbol.asyncDispose]()
    await this.#disks[Symbol.asyncDispose]()
    await this.#background.idle()
    await this.#executionWork.idle()
  }

  #live<T extends { readonly name: string; readonly gone: Promise<void> }>(instance: T): T {
    this.#living.add(instance)
    this.#reconciliation.arm()
    void instance.gone.then(() => this.#living.delete(instance))
    return instance
  }

  /** What belonged to no instance a period ago and does not now never will. */
  async #reconcile(): Promise<void> {
    const { log } = this.#deps
    const { signal } = this.#closing
    try {
      const living = [...this.#living]
      const listed = await this.#list(signal)
      this.#watch.compare(listed)
      const strays = this.#truces.size > 0 ? [] : this.#left.withoutInstance(listed, living)
      const old = strays.filter(({ name }) => this.#strays.has(name))
      this.#strays = new Set(strays.map(({ name }) => name))
      await this.#removeAll(old, signal)
      if (old.length > 0) log.warn({ strays: old.length }, 'removed sandboxes that belong to no instance')
    } catch (error) {
      if (!signal.aborted) log.warn({ err: error }, 'could not compare instances with what the engine shows')
    }
  }

  async #removeStray(): Promise<void> {
    const { log } = this.#deps
    if (this.#truces.size > 0) return
    try {
      const strays = await this.removeLeftovers(this.#closing.signal)
      if (strays > 0) log.warn({ strays }, 'removed sandboxes that belong to no instance')
    } catch (error) {
      if (!this.#closing.signal.aborted) log.warn({ err: error }, 'could not look for sandboxes without an instance')
    }
  }

  #instanceDeps(): LiveInstanceDeps & ExecutionInstanceDeps {
    const watches = { watch: this.#watch, disks: this.#disks }
    const onUncertain = (): void => this.#reconciliation.lookAgain()
    return { ...this.#deps, ...watches, background: this.#background, closing: this.#closing.signal, onUncertain }
  }

  async #cleanUp(instance: Instance): Promise<void> {
    const patienceMs = instance.state === 'unknown' ? UNCERTAIN_CLEAN_UP_MS : CLEAN_UP_MS
    const gone = instance.stop(0)
    const enough = () => new ErrandError('deadline_exceeded', 'clean-up goes on in the background')
    using deadline = new Deadline(this.#deps.clock, patienceMs, enough, this.#closing.signal)
    await abortable(gone, deadline.signal).catch(() => {})
  }
}
