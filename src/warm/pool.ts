import { agedClock, type Evictable } from '../admission/eviction.ts'
import type { Cancellation } from '../core/cancellation.ts'
import type { Clock } from '../core/clock.ts'
import { describeEndpoint, type Endpoint } from '../core/endpoint.ts'
import { ErrandError } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import type { Task, TaskKey } from '../core/task.ts'
import { Deadline } from '../core/wait.ts'
import { diedError, loggableDetails } from '../instance/exit-errors.ts'
import type { Instance } from '../instance/instance.ts'
import type { StartPhases } from '../instance/start-phases.ts'
import { BackgroundWork } from '../util/background-work.ts'
import type { ColdStarter } from './cold-start.ts'
import { KeepAlive } from './keep-alive.ts'
import { Launches } from './launches.ts'
import { Member } from './member.ts'
import { Shelf } from './shelf.ts'
import { type GiveBack, Turn, type TurnOutcome } from './turn.ts'
import { WaitingLine } from './waiting-line.ts'

export interface PoolDeps {
  readonly coldStart: ColdStarter
  readonly clock: Clock
  readonly log: Log
  /** Requests that one instance answers at once; Infinity for no limit. */
  readonly concurrency: number
  /** Requests of all tasks together that may wait for an instance. */
  readonly queueLimit: number
  readonly keepAliveMs: number
  /** Whether something answers HTTP at an instance that failed to answer a request in time. */
  readonly isResponsive: (endpoint: Endpoint, signal: AbortSignal) => Promise<boolean>
  /** Called when an instance has become idle, and so could make room. */
  onIdle(): void
}

/** How long an idle instance may take to end by itself. */
const EXPIRY_GRACE_MS = 10_000
/** The same when somebody waits for its room, or it has proved useless. */
const EVICTION_GRACE_MS = 1000
/** How long an instance that let a request time out may take to answer a probe. */
const PROBE_TIMEOUT_MS = 5000
/** From this many tasks on, those of which only an old failure is remembered are forgotten. */
const PRUNE_FROM = 1000

/** Keeps instances warm and lends them out, by task. The only one who moves an instance between idle and lent. */
export class Pool implements Disposable {
  readonly #deps: PoolDeps
  readonly #shelves = new Map<TaskKey, Shelf>()
  readonly #keepAlive: KeepAlive<Member>
  readonly #background = new BackgroundWork()
  readonly #launches: Launches
  readonly #giveBack: GiveBack = (shelf, member, outcome, fault) => this.#takeBack(shelf, member, outcome, fault)
  readonly #line: WaitingLine
  #agingClock = 0

  constructor(deps: PoolDeps) {
    this.#deps = deps
    this.#line = new WaitingLine(deps.queueLimit, deps.clock)
    this.#launches = new Launches({
      ...deps,
      background: this.#background,
      onReady: (shelf, instance, phases) => this.#welcome(shelf, instance, phases),
      onFailed: (shelf) => this.#tidy(shelf),
    })
    this.#keepAlive = new KeepAlive(
      deps.clock,
      deps.keepAliveMs,
      () => this.#members(),
      (member) => (member.isIdle ? member.idleSinceMs : undefined),
      (member) => this.#discard(member, EXPIRY_GRACE_MS, 'its keep-alive is over'),
    )
  }

  /**
   * A turn with an instance of the task: at once from a warm one, else after a start that all who wait for the same task
   * share. A cancellation leaves the line.
   * @throws what `ColdStarter` throws; crash_loop; queue_full; the cancellation's reason
   */
  lend(key: TaskKey, task: Task, cancellation: Cancellation): Turn | Promise<Turn> {
    const shelf = this.#shelves.get(key) ?? this.#addShelf(key, task)
    const member = shelf.findFree()
    if (member === undefined) return this.#wait(shelf, cancellation)
    member.turns += 1
    return new Turn(shelf, member, this.#giveBack)
  }

  /** The instances that may be evicted now. */
  idle(): Evictable[] {
    return [...this.#members()]
      .filter((member) => member.isIdle)
      .map((member) => ({
        resources: member.instance.resources,
        value: member.value,
        evict: () => this.#evict(member),
      }))
  }

  /** Lends no more what was made from an image whose name means another one now; what it is answering may end. */
  retireStale(): void {
    for (const shelf of this.#shelves.values()) {
      for (const member of shelf.members) this.#retireIfStale(shelf, member)
      this.#tidy(shelf)
    }
  }

  /** Counts for instances that are idle already. */
  setKeepAlive(keepAliveMs: number): void {
    this.#keepAlive.setKeepAlive(keepAliveMs)
  }

  /** Ends every instance and start. Resolves when all are gone; requests that are under way fail. */
  async clear(graceMs: number): Promise<void> {
    const reason = new ErrandError('draining', 'the node removes its instances')
    for (const shelf of this.#shelves.values()) {
      for (const launch of shelf.launches) launch.controller.abort(reason)
    }
    for (const member of this.#members()) this.#discard(member, graceMs, reason.message)
    await this.#background.idle()
  }

  [Symbol.dispose](): void {
    this.#keepAlive[Symbol.dispose]()
  }

  #addShelf(key: TaskKey, task: Task): Shelf {
    if (this.#shelves.size >= PRUNE_FROM) this.#prune()
    const shelf = new Shelf(key, task, this.#deps.concurrency)
    this.#shelves.set(key, shelf)
    return shelf
  }

  #prune(): void {
    const nowMs = this.#deps.clock.monotonicMs()
    for (const shelf of this.#shelves.values()) {
      if (shelf.isForgettable(nowMs)) this.#shelves.delete(shelf.key)
    }
  }

  *#members(): Generator<Member> {
    for (const shelf of this.#shelves.values()) yield* shelf.members
  }

  async #wait(shelf: Shelf, cancellation: Cancellation): Promise<Turn> {
    try {
      this.#assertWorthWaiting(shelf, cancellation)
      return new Turn(shelf, await this.#queue(shelf, cancellation), this.#giveBack)
    } finally {
      this.#tidy(shelf)
    }
  }

  async #queue(shelf: Shelf, cancellation: Cancellation): Promise<Member> {
    this.#line.enter(shelf, this.#shelves.values())
    let isServed = false
    try {
      const { promise, resolve, reject } = Promise.withResolvers<Member>()
      const request = { resolve, reject }
      shelf.waiting.add(request)
      cancellation.handOver((reason) => {
        if (shelf.waiting.delete(request)) reject(reason)
        shelf.trim(reason)
      })
      this.#launches.scale(shelf)
      const member = await promise
      isServed = true
      return member
    } finally {
      this.#line.leave(isServed)
      cancellation.handOver(undefined)
    }
  }

  #assertWorthWaiting(shelf: Shelf, cancellation: Cancellation): void {
    const { coldStart, clock } = this.#deps
    if (cancellation.reason !== undefined) throw cancellation.reason
    coldStart.assertPossible(shelf.task)
    const refusal = shelf.members.size === 0 ? shelf.crashes.refusal(clock.monotonicMs()) : undefined
    if (refusal !== undefined) throw refusal
  }

  #welcome(shelf: Shelf, instance: Instance, phases: StartPhases): void {
    const member = new Member(instance, phases, this.#deps.clock.monotonicMs())
    shelf.members.add(member)
    this.#background.add(this.#seeOut(shelf, member))
    this.#serve(shelf, member)
    this.#retireIfStale(shelf, member) // its name may have moved during its start
    this.#keepAlive.arm()
  }

  /** Hands the instance to those who wait, as far as its concurrency goes; idle when nobody does. */
  #serve(shelf: Shelf, member: Member): void {
    while (member.turns < this.#deps.concurrency) {
      const request = shelf.takeWaiting()
      if (request === undefined) break
      member.turns += 1
      request.resolve(member)
    }
    if (shelf.launches.size > 0) shelf.trim(new ErrandError('cancelled', 'nobody waits for this start any more'))
    if (member.turns > 0) return
    member.becomeIdle(this.#deps.clock.monotonicMs(), this.#agingClock)
    this.#deps.onIdle()
  }

  #takeBack(shelf: Shelf, member: Member, outcome: TurnOutcome, fault: ErrandError | undefined): void {
    member.turns -= 1
    if (outcome === 'good') this.#noteSuccess(shelf, member)
    else if (!member.isRetired) this.#judge(shelf, member, outcome, fault)
    if (!member.isRetired) this.#serve(shelf, member)
    else this.#discardUnused(member)
  }

  #judge(shelf: Shelf, member: Member, outcome: Exclude<TurnOutcome, 'good'>, fault: ErrandError | undefined): void {
    const isSuspect = outcome === 'open' ? member.noteAbandoned() : outcome === 'silent'
    if (outcome === 'unreachable' || (outcome !== 'open' && member.noteFault())) {
      member.fault = fault
      this.#retire(shelf, member)
    } else if (isSuspect) {
      this.#background.add(this.#examine(shelf, member))
    }
  }

  /** One that answers nothing at all is replaced at once: every further request would wait for its whole deadline. */
  async #examine(shelf: Shelf, member: Member): Promise<void> {
    const { clock, isResponsive } = this.#deps
    const tooLate = (): ErrandError => new ErrandError('deadline_exceeded', 'no answer to a probe')
    using deadline = new Deadline(clock, PROBE_TIMEOUT_MS, tooLate, member.leaving)
    const isAlive = await isResponsive(member.instance.endpoint, deadline.signal).catch(() => false)
    if (isAlive || member.isRetired) return
    this.#retire(shelf, member)
    this.#discardUnused(member)
    this.#launches.scale(shelf)
  }

  #retireIfStale(shelf: Shelf, member: Member): void {
    if (!member.instance.image.isStale) return
    member.leavesBecause = 'its image was replaced'
    this.#retire(shelf, member)
    this.#discardUnused(member)
  }

  #discardUnused(member: Member): void {
    if (member.turns === 0) this.#discard(member, EVICTION_GRACE_MS, member.leavesBecause)
  }

  #noteSuccess(shelf: Shelf, member: Member): void {
    member.noteSuccess()
    shelf.crashes.forgive()
    if (member.uses > 1) return
    member.phases.end('firstByte')
    const { id, endpoint, image } = member.instance
    const { id: imageId, digest } = image
    const facts = { instance: id, image: shelf.task.image, imageId, digest, endpoint: describeEndpoint(endpoint) }
    this.#deps.log.info({ ...facts, ...member.phases.toFacts() }, 'cold start')
  }

  /** Lends it no more; what it is answering may end. */
  #retire(shelf: Shelf, member: Member): void {
    member.isRetired = true
    shelf.members.delete(member)
  }

  #evict(member: Member): void {
    this.#agingClock = agedClock(this.#agingClock, member.value)
    this.#discard(member, EVICTION_GRACE_MS, 'its room is needed')
  }

  #discard(member: Member, graceMs: number, why: string): void {
    if (member.leaving.aborted) return
    member.leave()
    for (const shelf of this.#shelves.values()) this.#drop(shelf, member)
    this.#deps.log.info({ instance: member.instance.id, why }, 'removing an instance')
    this.#background.add(member.disconnect(new ErrandError('draining', `the instance was removed: ${why}`)))
    this.#background.add(member.instance.stop(graceMs))
  }

  #drop(shelf: Shelf, member: Member): void {
    if (shelf.members.has(member)) this.#retire(shelf, member)
  }

  /** At once, and not when the rest of its story is known: its address is free for another instance now. */
  #cutOff(shelf: Shelf, member: Member): void {
    if (member.leaving.aborted) return
    member.leave()
    this.#drop(shelf, member)
    this.#background.add(member.disconnect(new ErrandError('task_connection_closed', 'the instance has ended')))
  }

  /** Stays with an instance until it is gone, so that one that ends by itself is noticed. */
  async #seeOut(shelf: Shelf, member: Member): Promise<void> {
    const { clock, log } = this.#deps
    await member.instance.ended
    this.#cutOff(shelf, member)
    const exit = await member.instance.exited
    if (!exit.wasStopped) {
      const error = diedError(exit, member.instance.resources)
      const facts = { instance: member.instance.id, image: shelf.task.image, ...loggableDetails(error.details) }
      log.warn(facts, error.message)
      if (error.code !== 'task_gone') shelf.crashes.note(error, clock.monotonicMs())
      await member.instance.stop(0)
      this.#launches.scale(shelf)
    }
    await member.instance.gone
    if (exit.wasStopped && member.fault !== undefined) shelf.crashes.note(member.fault, clock.monotonicMs())
    log.info({ instance: member.instance.id, image: shelf.task.image }, 'removed an instance')
    this.#tidy(shelf)
  }

  /** After anything that may leave those who wait without a start, or the shelf without a purpose. */
  #tidy(shelf: Shelf): void {
    this.#launches.scale(shelf)
    if (!shelf.isForgettable(this.#deps.clock.monotonicMs())) return
    // While the last of its instances went, it may have been forgotten already, and its task begun anew.
    if (this.#shelves.get(shelf.key) === shelf) this.#shelves.delete(shelf.key)
  }
}
