import type { Clock } from '../core/clock.ts'
import { ErrandError } from '../core/errors.ts'
import { canBecome, type InstanceState } from '../core/instance-state.ts'
import type { Log } from '../core/log.ts'
import type {
  Engine,
  SandboxIdentity,
  SandboxListing,
  SandboxRef,
  SandboxSpec,
  SandboxView,
  SignalName,
} from '../engine/engine.ts'
import type { Lease } from '../resources/ledger.ts'
import type { BackgroundWork } from '../util/background-work.ts'
import { isRefused, limitsError } from './exit-errors.ts'
import { ExitObserver, type SandboxEnd } from './exit-observer.ts'
import type { Intent } from './instance.ts'
import { isThat, removeSandbox, removeUncertain } from './removal.ts'
import type { SandboxWatch } from './sandbox-watch.ts'

export interface SupervisionDeps {
  readonly engine: Engine
  readonly watch: SandboxWatch
  readonly clock: Clock
  readonly log: Log
  readonly background: BackgroundWork
  /** Aborts when the process lets go of its sandboxes: what is left is then for the next start to find. */
  readonly closing: AbortSignal
  /** Told of one that may come to be after it was removed: its creation gave no answer. */
  readonly onUncertain?: () => void
  /** Told before every engine call that changes something, so that a journal can record it. */
  intend(intent: Intent): Promise<void>
}

export interface SandboxPlan {
  readonly id: string
  readonly spec: SandboxSpec
  /** Owned by the sandbox from now on. */
  readonly lease: Lease
}

/** Ids are random: more than one name that is taken is no chance. */
const MOST_NAMES = 3

/** One sandbox from its plan until nothing of it is left; owns every race with the engine. What it is for, its owner knows. */
export class SupervisedSandbox {
  /** Resolves when the engine has confirmed that nothing of it is left, and its lease is released. Never rejects. */
  readonly gone: Promise<void>
  readonly #deps: SupervisionDeps
  readonly #plan: SandboxPlan
  readonly #identify: (attempt: number) => SandboxIdentity
  readonly #observer: ExitObserver
  readonly #gone = Promise.withResolvers<void>()
  #state: InstanceState = 'planned'
  #identity: SandboxIdentity
  #ref: SandboxRef | undefined
  #removing: Promise<void> | undefined

  /** `identify` gives each attempt to create it a name of its own; the first is 1. */
  constructor(deps: SupervisionDeps, plan: SandboxPlan, identify: (attempt: number) => SandboxIdentity) {
    this.#deps = deps
    this.#plan = plan
    this.#identify = identify
    this.#identity = identify(1)
    this.#observer = new ExitObserver(deps)
    this.gone = this.#gone.promise
  }

  /** Under which the engine knows it, or may come to know it. */
  get name(): string {
    return this.#identity.name
  }

  get state(): InstanceState {
    return this.#state
  }

  /** Undefined until the engine has said that it is there. */
  get ref(): SandboxRef | undefined {
    return this.#ref
  }

  get hasExited(): boolean {
    return this.#observer.hasExited
  }

  /** Resolves as soon as its processes are known to have ended. Never rejects. */
  get ended(): Promise<void> {
    return this.#observer.ended
  }

  /** Resolves when it is also known how. Never rejects. */
  get exited(): Promise<SandboxEnd> {
    return this.#observer.exited
  }

  /** Takes over what an earlier process made, in whatever state it is. Instead of `create` and `start`. */
  adopt({ name, id, labels }: SandboxListing): void {
    this.#identity = { name, labels }
    this.#ref = { name, id }
    this.#state = 'ready'
    this.#observer.observe(this.#ref, true)
  }

  /** `isPatient`: who gets no answer does not give it up, and asks `recall`. */
  async create(signal: AbortSignal, isPatient = false): Promise<SandboxRef> {
    await this.#intend('create')
    this.#become('creating')
    const ref = await this.#askToCreate(signal, isPatient)
    this.#ref = ref
    this.#observer.observe(ref)
    return ref
  }

  /** After a step that gave no answer: what there is of it now. @throws runtime_unavailable, as `start` */
  async recall(signal: AbortSignal): Promise<SandboxView | undefined> {
    const view = await this.#deps.engine.inspect(this.#identity, signal)
    if (view === undefined || !isThat(this.#identity, view)) return undefined
    if (this.#ref === undefined) {
      this.#ref = { name: view.name, id: view.id }
      this.#observer.observe(this.#ref, true)
    }
    this.#checkLimits(view)
    return view
  }

  #checkLimits({ limits }: SandboxView): void {
    const unset = limitsError(this.#plan.spec.resources, limits)
    if (unset !== undefined) throw unset
  }

  /** @throws runtime_unavailable when the engine did not set the limits; task_gone; what `Engine.start` throws */
  async start(ref: SandboxRef, signal: AbortSignal): Promise<SandboxView> {
    const { engine } = this.#deps
    await this.#intend('start')
    this.#become('starting')
    await engine.start(ref, signal)
    const view = await engine.inspect(ref, signal)
    if (view === undefined) throw new ErrandError('task_gone', `${ref.name} vanished while it was started`)
    this.#checkLimits(view)
    return view
  }

  /** It does what it is for. */
  markReady(): void {
    this.#become('ready')
  }

  /** A step failed: where the engine gave no answer, only inspection can tell what has become of it. */
  markFailed(error: unknown): void {
    const isUncertain = ErrandError.from(error).code === 'engine_unavailable' && this.#state !== 'gone'
    if (isUncertain && this.#state !== 'unknown') this.#become('unknown')
  }

  /** It is on its way out, so that nobody evicts another one for the room that it will leave. Idempotent. */
  markLeaving(): void {
    this.#plan.lease.markReturning()
  }

  /** Asks it to end; `exited` tells when it has. Does nothing once it has, or where nothing was created. */
  async terminate(name: SignalName, signal: AbortSignal): Promise<void> {
    if (this.#state === 'ready') this.#become('stopping')
    if (this.#observer.hasExited || this.#ref === undefined) return
    await this.#intend('stop')
    this.#observer.expectSignal(name)
    await this.#deps.engine.signal(this.#ref, name, signal)
  }

  /** Ends it, whatever it does, and removes it; resolves with `gone`, or when the process lets go. Idempotent. */
  remove(): Promise<void> {
    this.#removing ??= this.#remove()
    return this.#removing
  }

  async #remove(): Promise<void> {
    this.markLeaving()
    await this.#removeFromEngine()
    this.#observer[Symbol.dispose]()
    this.#plan.lease.release()
    this.#gone.resolve()
  }

  async #removeFromEngine(): Promise<void> {
    if (this.#state === 'planned') this.#become('gone')
    if (this.#state === 'gone') return
    // An abort amid the call leaves it as it is: the engine may do it yet, all the same.
    const isUncertain = this.#ref === undefined && (this.#state === 'unknown' || this.#state === 'creating')
    if (this.#state !== 'stopping') this.#become('stopping')
    await this.#intend('remove')
    const isRemoved = await (this.#ref === undefined
      ? removeUncertain(this.#deps, this.#identity)
      : removeSandbox(this.#deps, this.#ref))
    this.#become(isRemoved ? 'gone' : 'unknown')
    if (isUncertain) this.#deps.onUncertain?.()
  }

  async #askToCreate(signal: AbortSignal, isPatient: boolean): Promise<SandboxRef> {
    const { engine, log } = this.#deps
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await engine.create(this.#plan.spec, this.#identity, signal)
      } catch (error) {
        if (signal.aborted) throw error
        const isTaken = ErrandError.from(error).code === 'already_exists' && attempt < MOST_NAMES
        if (!isTaken) {
          const isUnanswered = isPatient && ErrandError.from(error).code === 'engine_unavailable'
          if (isRefused(error) && !isUnanswered) this.#become('gone')
          throw error
        }
        log.warn({ name: this.name }, "a name of ours belongs to somebody else's container, which is left alone")
        this.#identity = this.#identify(attempt + 1)
        await this.#intend('create')
      }
    }
  }

  #intend(step: Intent['step']): Promise<void> {
    return this.#deps.intend({ step, name: this.#identity.name })
  }

  #become(next: InstanceState): void {
    if (!canBecome(this.#state, next)) {
      throw new ErrandError('internal', `instance ${this.#plan.id} cannot go from ${this.#state} to ${next}`)
    }
    this.#deps.log.debug({ instance: this.#plan.id, from: this.#state, to: next }, 'an instance moved')
    this.#state = next
  }
}
