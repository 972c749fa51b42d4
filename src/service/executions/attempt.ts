import { ErrandError } from '../../core/errors.ts'
import type { DiskUsage, SandboxView } from '../../engine/engine.ts'
import { diskLimit } from '../../instance/disk-limit.ts'
import type { ExecutionInstance } from '../../instance/execution-instance.ts'
import { abortable } from '../../util/abort.ts'
import type { StopIntent } from '../executor.ts'
import { BringUp, type LeavingSignals } from './bring-up.ts'
import type { ExecutionParts } from './execution-parts.ts'
import { Finalization } from './finalization.ts'
import type { Freezing } from './freezing.ts'
import type { End } from './last-word.ts'
import type { Beginning } from './recovery.ts'
import { ResourceWatch } from './resource-watch.ts'
import { timeLeft } from './time-left.ts'

/** Where an attempt is, as far as its sandbox goes. */
export type AttemptPhase =
  /** On its way to one that runs. */
  | { readonly kind: 'coming' }
  /** It has been started, and may have ended. */
  | { readonly kind: 'up'; readonly instance: ExecutionInstance }
  /** It has ended, and what it left is brought in. */
  | { readonly kind: 'over' }

/** What an attempt needs of its execution. */
export interface AttemptOwner {
  readonly signals: LeavingSignals
  readonly freezing: Freezing
  /** Why it was told to end. */
  readonly intent: StopIntent | undefined
  stop(intent: StopIntent, graceMs: number): void
}

/** One try at running an execution: from its place in the queue to what its sandbox leaves behind. */
export class Attempt {
  readonly #parts: ExecutionParts
  readonly #owner: AttemptOwner
  readonly #watch: ResourceWatch
  #bringing: BringUp
  #phase: AttemptPhase = { kind: 'coming' }

  constructor(parts: ExecutionParts, owner: AttemptOwner) {
    this.#parts = parts
    this.#owner = owner
    this.#bringing = new BringUp(parts)
    this.#watch = new ResourceWatch(parts.plan.network !== 'none')
  }

  get phase(): AttemptPhase {
    return this.#phase
  }

  /** Known before it is over. */
  get hasExited(): boolean {
    return this.#bringing.instance?.hasExited === true
  }

  /** The engine was asked to start its sandbox, whatever it has answered. */
  get mayRun(): boolean {
    return this.#bringing.instance?.mayRun === true
  }

  /** Resolves when its sandbox runs, or has run. @throws what kept it from that */
  async begin(beginning: Exclude<Beginning, { kind: 'settle' }>): Promise<SandboxView> {
    const { deps, plan, record } = this.#parts
    const view = await this.#bringUp(beginning)
    if (view.pid !== undefined) deps.tracker.track(plan.executionId, view.pid)
    const { instance } = this.#bringing
    if (instance !== undefined) this.#phase = { kind: 'up', instance }
    if (record.status === 'creating') await this.#nowRunning(view.net)
    if (beginning.kind !== 'new') await this.#owner.freezing.reconcile(view)
    return view
  }

  /** Resolves with its end, once everything that it leaves is here. @throws signal.reason when this process lets go before */
  async supervise(view: SandboxView): Promise<End> {
    if (this.#phase.kind !== 'up') throw new ErrandError('internal', 'it has no sandbox')
    const { deps, plan, record } = this.#parts
    const { detaching } = this.#owner.signals
    const { instance } = this.#phase
    using _timer = this.#armTimeout(view)
    using _watching = this.#watchResources(instance, diskLimit(plan.diskBytes))
    const end = await abortable(instance.exited, detaching)
    // An exit seen first is its own; a pause under way has to be over before the status moves on.
    const { intent } = this.#owner
    this.#phase = { kind: 'over' }
    if (record.status !== 'finalizing') {
      await abortable(
        this.#owner.freezing.after(() => record.move('finalizing')),
        detaching,
      )
    }
    const finalization = new Finalization(this.#parts, instance, this.#watch)
    const brought = await finalization.bringIn(end, intent, detaching)
    deps.log.debug({ execution: plan.executionId, status: brought.outcome.status }, 'an execution has ended')
    return brought
  }

  /** As `BringUp.end`. */
  async end(stays: boolean, patience: AbortSignal): Promise<void> {
    const { deps, plan } = this.#parts
    deps.tracker.untrack(plan.executionId)
    await this.#bringing.end(stays, patience)
  }

  async #bringUp(beginning: Exclude<Beginning, { kind: 'settle' }>): Promise<SandboxView> {
    const { signals } = this.#owner
    if (beginning.kind === 'adopt') {
      this.#bringing.takeOver(beginning.view, signals.detaching)
      return beginning.view
    }
    if (beginning.kind === 'late') {
      const found = await this.#bringing.takeOverLate(beginning.view, signals)
      if (found !== undefined) return found
      await this.#bringing.end(false, signals.detaching)
      signals.detaching.throwIfAborted()
      signals.unwanted.throwIfAborted()
      this.#bringing = new BringUp(this.#parts)
    }
    return this.#bringing.start(signals)
  }

  async #nowRunning(net: SandboxView['net']): Promise<void> {
    const { deps, on, record } = this.#parts
    const { startedMs: engineStartedMs } = await on.instances.engineRun(this.#owner.signals.detaching)
    const runningMonotonicMs = deps.clock.monotonicMs()
    const run = engineStartedMs === undefined ? {} : { engineStartedMs }
    const host = { bootId: deps.bootId, runningMonotonicMs, ...run }
    await record.move('running', { ports: net?.ports ?? [], host })
  }

  #watchResources(instance: ExecutionInstance, limit: DiskUsage): Disposable {
    return this.#parts.disks.add({
      name: instance.name,
      limit,
      cpuMs: undefined,
      diskUsage: (signal) => this.#watch.look(instance, limit, signal),
      onBeyond: async () => this.#stop('disk_limit', 0),
    })
  }

  #armTimeout({ exit }: SandboxView): Disposable | undefined {
    const { deps, plan, record } = this.#parts
    const { timeoutMs = Infinity, graceMs } = plan
    const leftMs = timeLeft({ timeoutMs, record: record.value, clock: deps.clock, exit })
    const stop = (): void => this.#stop('run_timeout', graceMs)
    if (leftMs > 0 && leftMs < Infinity) return deps.clock.setTimer(leftMs, stop)
    if (leftMs === 0) stop()
    return undefined
  }

  /** One that has ended has its own reason. */
  #stop(intent: StopIntent, graceMs: number): void {
    if (this.#phase.kind === 'up') this.#owner.stop(intent, graceMs)
  }
}
