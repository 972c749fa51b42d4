import type { Clock } from '../core/clock.ts'
import type { Endpoint } from '../core/endpoint.ts'
import { ErrandError } from '../core/errors.ts'
import { canBecome, type InstanceState } from '../core/instance-state.ts'
import type { Log } from '../core/log.ts'
import type { Resources } from '../core/resources.ts'
import { Deadline, sleep } from '../core/wait.ts'
import type { Engine, SandboxIdentity, SandboxRef, SandboxView } from '../engine/engine.ts'
import { abortable } from '../util/abort.ts'
import type { BackgroundWork } from '../util/background-work.ts'
import { engineTooLateError, exitError, isRefused, limitsError, notReadyError } from './exit-errors.ts'
import { ExitObserver } from './exit-observer.ts'
import { HeldFolder } from './held-folder.ts'
import type { Instance, InstanceExit, InstanceImage, InstancePlan, Intent } from './instance.ts'
import { firstReachable, type Reach } from './readiness.ts'
import { removeSandbox, removeUncertain } from './removal.ts'
import type { SandboxWatch } from './sandbox-watch.ts'
import { TaskOutput } from './task-output.ts'

export interface LiveInstanceDeps {
  readonly engine: Engine
  readonly watch: SandboxWatch
  readonly reach: Reach
  readonly clock: Clock
  readonly log: Log
  readonly background: BackgroundWork
  /** Aborts when the process lets go of its instances: what is left is then for the next start to find. */
  readonly closing: AbortSignal
  /** Told before every engine call that changes something, so that a journal can record it. */
  intend(intent: Intent): Promise<void>
}

/** Ids are random: more than one name that is taken is no chance. */
const MOST_NAMES = 3

/** One sandbox supervised through its life; owns every race with the engine. */
export class LiveInstance implements Instance {
  readonly gone: Promise<void>
  readonly #deps: LiveInstanceDeps
  readonly #plan: InstancePlan
  readonly #identify: (attempt: number) => SandboxIdentity
  readonly #output: TaskOutput
  readonly #observer: ExitObserver
  readonly #gone = Promise.withResolvers<void>()
  readonly #killNow = Promise.withResolvers<void>()
  /** Aborts a start whose task has died. */
  readonly #died = new AbortController()
  #state: InstanceState = 'planned'
  #identity: SandboxIdentity
  #ref: SandboxRef | undefined
  #folder: HeldFolder | undefined
  #pid: number | undefined
  #isStopping = false

  /** `identify` gives each attempt to create it a name of its own; the first is 1. */
  constructor(deps: LiveInstanceDeps, plan: InstancePlan, identify: (attempt: number) => SandboxIdentity) {
    this.#deps = deps
    this.#plan = plan
    this.#identify = identify
    this.#identity = identify(1)
    this.#output = new TaskOutput(deps, plan.readiness)
    this.#observer = new ExitObserver(deps)
    this.gone = this.#gone.promise
  }

  get id(): string {
    return this.#plan.id
  }

  /** Under which the engine knows it, or may come to know it. */
  get name(): string {
    return this.#identity.name
  }

  get state(): InstanceState {
    return this.#state
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

  get exited(): Promise<InstanceExit> {
    return this.#observer.exited
  }

  get ended(): Promise<void> {
    return this.#observer.ended
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
      isEngineDone ? notReadyError(startTimeoutMs, this.#output.tail) : engineTooLateError(startTimeoutMs)
    using deadline = new Deadline(this.#deps.clock, startTimeoutMs, tooLate, parent)
    const signal = AbortSignal.any([deadline.signal, this.#died.signal])
    try {
      const ref = await this.#create(signal)
      phases.end('create')
      const view = await this.#run(ref, signal)
      isEngineDone = true
      onStarted()
      phases.end('start')
      this.#folder = new HeldFolder(await this.#becomeReachable(view, signal))
      this.#become('ready')
      phases.end('ready')
    } catch (error) {
      const isUncertain = ErrandError.from(error).code === 'engine_unavailable' && this.#state !== 'gone'
      if (isUncertain) this.#become('unknown')
      throw error
    } finally {
      this.#output.release()
    }
  }

  stop(graceMs: number): Promise<void> {
    if (!this.#isStopping) {
      this.#isStopping = true
      this.#plan.lease.markReturning()
      this.#deps.background.add(this.#end())
    }
    if (graceMs <= 0) this.#killNow.resolve()
    else this.#deps.background.add(this.#killAfter(graceMs))
    return this.gone
  }

  async #create(signal: AbortSignal): Promise<SandboxRef> {
    await this.#intend('create')
    this.#become('creating')
    const ref = await this.#askToCreate(signal)
    this.#ref = ref
    this.#observer.observe(ref, async (exit) => {
      const wasStopped = this.#isStopping
      const known = { ...exit, wasStopped, log: wasStopped ? '' : await this.#output.lastWords(ref) }
      this.#died.abort(exitError(this.#deps.engine, known, this.#plan.spec.resources))
      return known
    })
    return ref
  }

  async #askToCreate(signal: AbortSignal): Promise<SandboxRef> {
    const { engine, log } = this.#deps
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await engine.create(this.#plan.spec, this.#identity, signal)
      } catch (error) {
        if (signal.aborted) throw error
        const isTaken = ErrandError.from(error).code === 'already_exists' && attempt < MOST_NAMES
        if (!isTaken) {
          if (isRefused(error)) this.#become('gone')
          throw error
        }
        log.warn({ name: this.name }, "a name of ours belongs to somebody else's container, which is left alone")
        this.#identity = this.#identify(attempt + 1)
        await this.#intend('create')
      }
    }
  }

  async #run(ref: SandboxRef, signal: AbortSignal): Promise<SandboxView> {
    const { engine } = this.#deps
    await this.#output.follow(ref, signal)
    await this.#intend('start')
    this.#become('starting')
    await engine.start(ref, signal)
    const view = await engine.inspect(ref, signal)
    if (view === undefined) throw new ErrandError('task_gone', `${ref.name} vanished while it was started`)
    const unset = limitsError(this.#plan.spec.resources, view.limits)
    if (unset !== undefined) throw unset
    this.#pid = view.pid
    return view
  }

  async #becomeReachable(view: SandboxView, signal: AbortSignal): Promise<Endpoint> {
    await abortable(this.#output.marked, signal)
    const candidates = [view.unix, view.tcp].filter((endpoint) => endpoint !== undefined)
    return firstReachable(candidates, this.#plan.readiness, this.#deps.reach, this.#deps.clock, signal)
  }

  async #end(): Promise<void> {
    const { log, closing } = this.#deps
    try {
      if (this.#ref !== undefined && this.#state === 'ready') await this.#endGracefully(this.#ref)
    } catch (error) {
      if (!closing.aborted) log.warn({ err: error, instance: this.id }, 'could not end an instance gracefully')
    }
    await this.#remove()
    this.#folder?.[Symbol.dispose]()
    this.#observer[Symbol.dispose]()
    this.#plan.lease.release()
    this.#gone.resolve()
  }

  async #endGracefully(ref: SandboxRef): Promise<void> {
    const { engine, closing } = this.#deps
    this.#become('stopping')
    if (this.#observer.hasExited) return
    await this.#intend('stop')
    await engine.signal(ref, 'SIGTERM', closing)
    await abortable(Promise.race([this.exited, this.#killNow.promise]), closing)
  }

  async #remove(): Promise<void> {
    if (this.#state === 'planned') this.#become('gone')
    if (this.#state === 'gone') return
    if (this.#state !== 'stopping') this.#become('stopping')
    await this.#intend('remove')
    const isRemoved = await (this.#ref === undefined
      ? removeUncertain(this.#deps, this.#identity)
      : removeSandbox(this.#deps, this.#ref))
    this.#become(isRemoved ? 'gone' : 'unknown')
  }

  async #killAfter(graceMs: number): Promise<void> {
    const ended = new AbortController()
    void this.gone.then(() => ended.abort(new ErrandError('cancelled', 'ended within its grace')))
    await sleep(this.#deps.clock, graceMs, ended.signal).then(this.#killNow.resolve, () => {})
  }

  #intend(step: Intent['step']): Promise<void> {
    return this.#deps.intend({ step, name: this.#identity.name })
  }

  #become(next: InstanceState): void {
    if (!canBecome(this.#state, next)) {
      throw new ErrandError('internal', `instance ${this.id} cannot go from ${this.#state} to ${next}`)
    }
    this.#deps.log.debug({ instance: this.id, from: this.#state, to: next }, 'an instance moved')
    this.#state = next
  }
}
