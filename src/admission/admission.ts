import type { ErrandError } from '../core/errors.ts'
import { exceeding, type Resources } from '../core/resources.ts'
import type { Lease, LeaseHolder } from '../resources/ledger.ts'
import { kindsIn, shortfall } from '../resources/shortfall.ts'
import { AdmissionQueue, type Ranked } from './admission-queue.ts'
import { type AdmissionDeps, type AdmissionRequest, isExecution, type Standing } from './admission-request.ts'
import { DrainRate } from './drain-rate.ts'
import { chooseEvictions } from './eviction.ts'
import { HostRecheck } from './host-recheck.ts'
import { exhausted, findUnsatisfiable, queueFull, type Shortage } from './refusals.ts'
import { Room } from './room.ts'
import { Waiter } from './waiter.ts'

/**
 * Who is first can be delayed by others that fit beside it, and are sure to be gone by then: no longer than this from the
 * moment at which it came to be first.
 */
export const MOST_BACK_FILL_MS = 60_000

interface Waiting extends Ranked {
  readonly request: AdmissionRequest
  readonly waiter: Waiter<Lease>
  /** When it came to be first and did not fit. */
  firstMs: number | undefined
}

/**
 * Decides that something may start now. One queue: the first one blocks those behind it, but for small ones that delay it
 * by at most `MOST_BACK_FILL_MS`, so that a big request is not starved. Whoever is first has idle instances evicted when it
 * does not fit.
 */
export class Admission {
  readonly #deps: AdmissionDeps
  readonly #room: Room
  readonly #queue = new AdmissionQueue<Waiting>()
  readonly #rate = new DrainRate()
  readonly #watch: Disposable
  readonly #recheck: HostRecheck
  /** An eviction may release at once, in the midst of our own round: then another round follows instead of a nested one. */
  #round: 'none' | 'running' | 'repeat' = 'none'
  #closedBy: ErrandError | undefined

  constructor(deps: AdmissionDeps) {
    this.#deps = deps
    this.#room = new Room(deps)
    this.#recheck = new HostRecheck(deps.clock, () => this.wake())
    this.#watch = deps.ledger.onRelease(() => this.wake())
  }

  get waiting(): number {
    return this.#queue.size
  }

  get waitingStarts(): number {
    return this.#queue.warm
  }

  /** Executions that wait, of all callers or of one. */
  waitingExecutions(callerId?: string): number {
    return callerId === undefined ? this.#queue.executions : this.#queue.ofCaller(callerId)
  }

  /** Undefined for one that does not wait. */
  standing(instanceId: string): Standing | undefined {
    const waiting = [...this.#queue].find(({ request }) => request.holder.instanceId === instanceId)
    if (waiting === undefined) return undefined
    const missing = kindsIn(shortfall(waiting.request.resources, this.#room.free))
    return { position: this.#queue.indexOf(waiting) + 1, missing }
  }

  /**
   * A lease on what is asked, once the ledger and the host have it. An abort leaves the queue at once and reserves
   * nothing; after the promise has resolved, the lease is the caller's to release. An execution that has come to ask for
   * more than is granted waits for a higher grant: it was accepted. A warm start has somebody waiting, who is told.
   * @throws resources_unsatisfiable when a warm start can never fit; queue_full; resources_exhausted after `timeoutMs`;
   * signal.reason; the reason given to `close`
   */
  async admit(request: AdmissionRequest, signal: AbortSignal): Promise<Lease> {
    signal.throwIfAborted()
    if (this.#closedBy !== undefined) throw this.#closedBy
    if (!isExecution(request)) this.assertSatisfiable(request.resources)
    const { clock, meter } = this.#deps
    const askedMs = clock.monotonicMs()
    const free = this.#queue.size === 0 ? this.#tryReserve(request) : undefined
    const lease = free ?? (await this.#wait(request, signal))
    meter?.waited(isExecution(request) ? 'execution' : 'start', clock.monotonicMs() - askedMs)
    return lease
  }

  /** A lease for what exists already: an earlier process has let it in. */
  adopt(resources: Resources, holder: LeaseHolder): Lease {
    return this.#deps.ledger.adopt(resources, holder)
  }

  /** For refusing a request before any work is done for it. @throws resources_unsatisfiable when it can never fit */
  assertSatisfiable(resources: Resources): void {
    const unsatisfiable = findUnsatisfiable(resources, this.#room.maximum)
    if (unsatisfiable !== undefined) throw unsatisfiable
  }

  /** Something may have changed: call when an instance became idle. Releases and capacity changes are noticed without. */
  wake(): void {
    if (this.#round !== 'none') {
      this.#round = 'repeat'
      return
    }
    try {
      do {
        this.#round = 'running'
        this.#serveQueue()
      } while (this.#repeats())
    } finally {
      this.#round = 'none'
      this.#scheduleRecheck()
    }
  }

  /** Refuses with `reason` all that wait and all that come. Leases stay as they are. */
  close(reason: ErrandError): void {
    this.#closedBy ??= reason
    this.#watch[Symbol.dispose]()
    for (const waiting of this.#queue) waiting.waiter.refuse(reason)
    this.#queue.clear()
    this.#scheduleRecheck()
  }

  async #wait(request: AdmissionRequest, signal: AbortSignal): Promise<Lease> {
    const { clock, limits } = this.#deps
    const isFull = !isExecution(request) && this.#queue.warm >= limits.queueLimit
    if (isFull) throw queueFull(this.#queue.warm, this.#retryAfterMs(this.#queue.size))
    if (this.#queue.size === 0) this.#rate.began(clock.monotonicMs())
    const { priority, callerId } = request
    const rank = { ...(priority !== undefined && { priority }), ...(callerId !== undefined && { callerId }) }
    const waiter = new Waiter<Lease>(signal, () => this.#leave(waiting))
    const waiting: Waiting = { ...rank, request, waiter, firstMs: undefined }
    this.#queue.add(waiting)
    using _deadline = clock.setTimer(request.timeoutMs, () => this.#giveUp(waiting))
    this.wake()
    return await waiting.waiter.outcome((lease) => lease.release())
  }

  #leave(waiting: Waiting): void {
    if (this.#queue.delete(waiting)) this.wake()
  }

  #giveUp(waiting: Waiting): void {
    const { request, waiter } = waiting
    const ahead = this.#queue.indexOf(waiting)
    if (ahead < 0) return
    const shortage = { ...this.#whatIsMissing(request), ahead, leases: this.#deps.ledger.leases() }
    waiter.refuse(exhausted(shortage, request.timeoutMs, this.#retryAfterMs(ahead + 1)))
    this.#leave(waiting)
  }

  /** For the request itself, or where that would fit, for the first one, which blocks it. */
  #whatIsMissing(request: AdmissionRequest): Pick<Shortage, 'lackedBy' | 'missing' | 'asked' | 'free'> {
    const free = this.#room.free
    const missing = kindsIn(shortfall(request.resources, free))
    const first = this.#firstInLine
    if (missing.length > 0 || first === undefined)
      return { lackedBy: 'itself', missing, asked: request.resources, free }
    const asked = first.request.resources
    return { lackedBy: 'first', missing: kindsIn(shortfall(asked, free)), asked, free }
  }

  #repeats(): boolean {
    return this.#round === 'repeat'
  }

  #serveQueue(): void {
    let blocking: Waiting | undefined
    for (const waiting of this.#queue) {
      if (blocking !== undefined && !this.#mayPass(waiting, blocking)) continue
      if (this.#isSetAside(waiting)) continue
      const settle = this.#settlement(waiting.request)
      if (settle !== undefined) {
        this.#queue.delete(waiting)
        settle(waiting.waiter)
      } else if (blocking === undefined) {
        blocking = waiting
        waiting.firstMs ??= this.#deps.clock.monotonicMs()
        this.#makeRoom(waiting.request.resources)
      }
    }
  }

  /** Whom nobody is before but those that are set aside. */
  get #firstInLine(): Waiting | undefined {
    return [...this.#queue].find((waiting) => !this.#isSetAside(waiting))
  }

  /** It asks for more than is granted since it came. No release ever makes room for it, so it blocks nobody. */
  #isSetAside({ request }: Waiting): boolean {
    return isExecution(request) && !this.#canEverFit(request)
  }

  #mayPass({ request }: Waiting, { firstMs = 0 }: Waiting): boolean {
    const { holdsAtMostMs } = request
    if (holdsAtMostMs === undefined) return false
    return this.#deps.clock.monotonicMs() + holdsAtMostMs <= firstMs + MOST_BACK_FILL_MS
  }

  /** How the first request can be settled now; undefined when it has to wait. */
  #settlement(request: AdmissionRequest): ((waiter: Waiter<Lease>) => void) | undefined {
    // Possible for one that was let into the queue: the capacity may have been lowered since.
    const unsatisfiable = findUnsatisfiable(request.resources, this.#room.maximum)
    if (unsatisfiable !== undefined) return (waiter) => waiter.refuse(unsatisfiable)
    const lease = this.#room.tryReserve(request.resources, request.holder)
    if (lease === undefined) return undefined
    this.#rate.granted(this.#deps.clock.monotonicMs())
    return (waiter) => waiter.grant(lease)
  }

  #tryReserve(request: AdmissionRequest): Lease | undefined {
    return this.#canEverFit(request) ? this.#room.tryReserve(request.resources, request.holder) : undefined
  }

  #canEverFit({ resources }: AdmissionRequest): boolean {
    return exceeding(resources, this.#room.maximum).length === 0
  }

  #makeRoom(asked: Resources): void {
    const evictions = chooseEvictions(this.#deps.idle(), this.#room.missing(asked)) ?? []
    const short = this.#room.describeMissing(asked)
    for (const evictable of evictions) evictable.evict(short)
  }

  #retryAfterMs(places: number): number {
    return this.#rate.retryAfterMs(places, this.#deps.clock.monotonicMs())
  }

  #scheduleRecheck(): void {
    const first = this.#firstInLine
    this.#recheck.setNeeded(first !== undefined && this.#room.isHostShort(first.request.resources))
  }
}
