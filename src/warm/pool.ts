import { agedClock, type Evictable } from '../admission/eviction.ts'
import type { Cancellation } from '../core/cancellation.ts'
import type { Clock } from '../core/clock.ts'
import { describeEndpoint, type Endpoint } from '../core/endpoint.ts'
import { ErrandError } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import type { Task, TaskKey } from '../core/task.ts'
import type { Instance } from '../instance/instance.ts'
import type { StartPhases } from '../instance/start-phases.ts'
import { BackgroundWork } from '../util/background-work.ts'
import type { ColdStarter } from './cold-start.ts'
import { Departures, EVICTION_GRACE_MS } from './departures.ts'
import { KeepAlive } from './keep-alive.ts'
import { Launches } from './launches.ts'
import { LendingQueue } from './lending-queue.ts'
import { Member } from './member.ts'
import type { PoolCensus, PoolMeter } from './pool-meter.ts'
import { describeStarting, Roster, type WarmInstance } from './roster.ts'
import type { Shelf } from './shelf.ts'
import { Shelves } from './shelves.ts'
import { type GiveBack, Turn, type TurnOutcome } from './turn.ts'

export interface PoolDeps {
  readonly coldStart: ColdStarter
  readonly clock: Clock
  readonly log: Log
  /** Requests that one instance answers at once, where its task does not say; Infinity for no limit. */
  readonly concurrency: number
  /** Requests of all tasks together that may wait for an instance. */
  readonly queueLimit: number
  readonly keepAliveMs: number
  /** Whether something answers HTTP at an instance that failed to answer a request in time. */
  readonly isResponsive: (endpoint: Endpoint, signal: AbortSignal) => Promise<boolean>
  /** Whether a named task of this key is still what its caller has defined. */
  readonly isDefined: (key: TaskKey) => boolean
  /** Called when an instance has become idle, and so could make room. */
  onIdle(): void
  readonly meter?: PoolMeter | undefined
}

/** How long an idle instance may take to end by itself. */
const EXPIRY_GRACE_MS = 10_000

/** Keeps instances warm and lends them out, by task. The only one who moves an instance between idle and lent. */
export class Pool implements Disposable {
  readonly #deps: PoolDeps
  readonly #shelves: Shelves
  readonly #keepAlive: KeepAlive<Member>
  readonly #background = new BackgroundWork()
  readonly #launches: Launches
  readonly #departures: Departures
  readonly #giveBack: GiveBack = (shelf, member, outcome, fault) => this.#takeBack(shelf, member, outcome, fault)
  readonly #queue: LendingQueue
  readonly #roster = new Roster()
  #agingClock = 0

  constructor(deps: PoolDeps) {
    this.#deps = deps
    this.#shelves = new Shelves(deps.clock, deps.concurrency)
    this.#departures = new Departures({
      ...deps,
      shelves: this.#shelves,
      background: this.#background,
      onLeft: (shelf) => this.#tidy(shelf),
    })
    this.#launches = new Launches({
      ...deps,
      background: this.#background,
      onReady: (shelf, instance, phases) => this.#welcome(shelf, instance, phases),
      onFailed: (shelf) => this.#tidy(shelf),
    })
    const onWaiting = (shelf: Shelf): void => this.#launches.scale(shelf)
    this.#queue = new LendingQueue({ ...deps, shelves: this.#shelves, onWaiting })
    this.#keepAlive = new KeepAlive(
      deps.clock,
      deps.keepAliveMs,
      () => this.#shelves.members(),
      ({ isIdle, idleSinceMs, keepAliveMs }) => ({ sinceMs: isIdle ? idleSinceMs : undefined, keepAliveMs }),
      (member) => this.#departures.discard(member, EXPIRY_GRACE_MS, 'keep_alive'),
    )
  }

  /**
   * A turn with an instance of the task: at once from a warm one, else after a start that all who wait for the same task
   * share. A cancellation leaves the line.
   * @throws what `ColdStarter` throws; crash_loop; queue_full; the cancellation's reason
   */
  lend(key: TaskKey, task: Task, cancellation: Cancellation): Turn | Promise<Turn> {
    const shelf = this.#shelves.get(key, task)
    const member = shelf.findFree()
    if (member === undefined) return this.#wait(shelf, cancellation)
    member.turns += 1
    return new Turn(shelf, member, this.#giveBack)
  }

  /** Requests that wait for an instance. */
  get waiting(): number {
    return this.#queue.size
  }

  census(): PoolCensus {
    return this.#shelves.census()
  }

  /** The instances that may be evicted now. */
  idle(): Evictable[] {
    return this.#shelves.idle().map((member) => ({
      resources: member.instance.resources,
      value: member.value,
      evict: (short) => this.#evict(member, short),
    }))
  }

  /** Takes in an instance of the task that an earlier process has started, as one that is idle from now on. */
  adopt(key: TaskKey, task: Task, instance: Instance): void {
    this.#welcome(this.#shelves.get(key, task), instance, undefined)
  }

  /**
   * Lends no more what was made from an image whose name means another one now, or for a task that is not defined like that
   * any more; what it is answering may end.
   */
  retireOutdated(): void {
    for (const shelf of this.#shelves) {
      for (const member of shelf.members) this.#departures.retireIfOutdated(shelf, member)
      this.#tidy(shelf)
    }
  }

  /** Every instance that holds room, those that start and those that are leaving included. */
  list(): readonly WarmInstance[] {
    const nowMs = this.#deps.clock.monotonicMs()
    return [...this.#roster.list(nowMs), ...[...this.#shelves].flatMap((shelf) => describeStarting(shelf, nowMs))]
  }

  /**
   * Lends it no more, and removes it when it has answered what it is answering. One that starts is called off; who waits for it
   * gets another one. False when there is none of this id.
   */
  remove(id: string): boolean {
    const found = this.#roster.find(id)
    if (found === undefined) return this.#callOff(id)
    found.member.leavesBecause = 'asked'
    if (!found.member.isRetired) this.#departures.retire(found.member)
    return true
  }

  /** Counts for instances that are idle already. */
  setKeepAlive(keepAliveMs: number): void {
    this.#keepAlive.setKeepAlive(keepAliveMs)
  }

  /** Ends every instance and start. Resolves when all are gone; requests that are under way fail. */
  async clear(graceMs: number): Promise<void> {
    const reason = new ErrandError('draining', 'the node removes its instances')
    for (const shelf of this.#shelves) {
      for (const launch of shelf.launches) launch.controller.abort(reason)
    }
    for (const member of this.#shelves.members()) this.#departures.discard(member, graceMs, 'cleared')
    await this.#background.idle()
  }

  [Symbol.dispose](): void {
    this.#keepAlive[Symbol.dispose]()
  }

  #callOff(id: string): boolean {
    const launches = [...this.#shelves].flatMap((shelf) => [...shelf.launches])
    const launch = launches.find(({ starting }) => starting?.id === id)
    launch?.controller.abort(new ErrandError('cancelled', 'the removal of the instance was asked for'))
    return launch !== undefined
  }

  async #wait(shelf: Shelf, cancellation: Cancellation): Promise<Turn> {
    try {
      return new Turn(shelf, await this.#queue.wait(shelf, cancellation), this.#giveBack)
    } finally {
      this.#tidy(shelf)
    }
  }

  #welcome(shelf: Shelf, instance: Instance, phases: StartPhases | undefined): void {
    const { keepAliveMs } = shelf.task.definition ?? {}
    const member = new Member(instance, phases, this.#deps.clock.monotonicMs(), keepAliveMs)
    shelf.members.add(member)
    this.#roster.add(shelf, member)
    this.#background.add(this.#departures.seeOut(shelf, member))
    this.#serve(shelf, member)
    this.#departures.retireIfOutdated(shelf, member) // what it was made by may have changed during its start
    this.#keepAlive.arm(member)
  }

  /** Hands the instance to those who wait, as far as its concurrency goes; idle when nobody does. */
  #serve(shelf: Shelf, member: Member): void {
    while (shelf.isFree(member)) {
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
    else this.#departures.discardUnused(member)
  }

  #judge(shelf: Shelf, member: Member, outcome: Exclude<TurnOutcome, 'good'>, fault: ErrandError | undefined): void {
    const isSuspect = outcome === 'open' ? member.noteAbandoned() : outcome === 'silent'
    if (outcome === 'unreachable' || (outcome !== 'open' && member.noteFault())) {
      member.fault = fault
      this.#shelves.retire(member)
    } else if (isSuspect) {
      this.#background.add(this.#departures.examine(shelf, member))
    }
  }

  #noteSuccess(shelf: Shelf, member: Member): void {
    member.noteSuccess()
    shelf.crashes.forgive()
    const { phases } = member
    if (member.uses > 1 || phases === undefined) return
    phases.end('firstByte')
    const { id, endpoint, image } = member.instance
    const { id: imageId, digest } = image
    const facts = { instance: id, image: shelf.task.image, imageId, digest, endpoint: describeEndpoint(endpoint) }
    this.#deps.log.info({ ...facts, ...phases.toFacts() }, 'cold start')
  }

  #evict(member: Member, short: readonly string[]): void {
    this.#agingClock = agedClock(this.#agingClock, member.value)
    this.#departures.discard(member, EVICTION_GRACE_MS, 'room', { short })
  }

  /** After anything that may leave those who wait without a start, or the shelf without a purpose. */
  #tidy(shelf: Shelf): void {
    this.#launches.scale(shelf)
    this.#shelves.forgetIfUnused(shelf)
  }
}
