import type { Clock } from '../core/clock.ts'
import type { Endpoint } from '../core/endpoint.ts'
import { ErrandError } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import type { TaskKey } from '../core/task.ts'
import { Deadline } from '../core/wait.ts'
import { diedError, loggableDetails } from '../instance/exit-errors.ts'
import type { BackgroundWork } from '../util/background-work.ts'
import type { Member } from './member.ts'
import type { PoolMeter, RemovalReason } from './pool-meter.ts'
import type { Shelf } from './shelf.ts'
import type { Shelves } from './shelves.ts'

export interface DeparturesDeps {
  readonly shelves: Shelves
  readonly clock: Clock
  readonly log: Log
  readonly background: BackgroundWork
  /** Whether something answers HTTP at an instance that failed to answer a request in time. */
  readonly isResponsive: (endpoint: Endpoint, signal: AbortSignal) => Promise<boolean>
  /** Whether a named task of this key is still what its caller has defined. */
  readonly isDefined: (key: TaskKey) => boolean
  /** After an instance has left: somebody may wait for another one. */
  readonly onLeft: (shelf: Shelf) => void
  readonly meter?: PoolMeter | undefined
}

const WHY: Record<RemovalReason, string> = {
  keep_alive: 'its keep-alive is over',
  room: 'its room is needed',
  faults: 'it failed too often',
  image_replaced: 'its image was replaced',
  redefined: 'its task is defined otherwise now, or not at all',
  asked: 'its removal was asked for',
  cleared: 'the node removes its instances',
}

/** How long an instance that proved useless, or whose room is needed, may take to end by itself. */
export const EVICTION_GRACE_MS = 1000
/** How long an instance that let a request time out may take to answer a probe. */
const PROBE_TIMEOUT_MS = 5000

/** The ways in which an instance leaves the pool: told to, found stuck or outdated, or ended by itself. */
export class Departures {
  readonly #deps: DeparturesDeps

  constructor(deps: DeparturesDeps) {
    this.#deps = deps
  }

  /** Lends it no more, and removes it once it answers nothing any more. */
  retire(member: Member): void {
    this.#deps.shelves.retire(member)
    this.discardUnused(member)
  }

  /** Removes one that was retired, if this was its last turn. */
  discardUnused(member: Member): void {
    if (member.turns === 0) this.discard(member, EVICTION_GRACE_MS, member.leavesBecause)
  }

  /** Removes it now; what it is answering fails. `facts` go into the log. */
  discard(member: Member, graceMs: number, reason: RemovalReason, facts: object = {}): void {
    if (member.leaving.aborted) return
    const why = WHY[reason]
    this.#deps.log.info({ instance: member.instance.id, why, ...facts }, 'removing an instance')
    this.#deps.meter?.left(reason)
    this.#cutOff(member, new ErrandError('draining', `the instance was removed: ${why}`))
    this.#deps.background.add(member.instance.stop(graceMs))
  }

  /** Whatever the same task would get today would be another one. */
  retireIfOutdated(shelf: Shelf, member: Member): void {
    const why = this.#outdatedBy(shelf, member)
    if (why === undefined) return
    member.leavesBecause = why
    this.retire(member)
  }

  #outdatedBy({ key, task }: Shelf, member: Member): RemovalReason | undefined {
    if (member.instance.image.isStale) return 'image_replaced'
    const isDefined = task.definition === undefined || this.#deps.isDefined(key)
    return isDefined ? undefined : 'redefined'
  }

  /** One that answers nothing at all is replaced at once: every further request would wait for its whole deadline. */
  async examine(shelf: Shelf, member: Member): Promise<void> {
    const { clock, isResponsive, onLeft } = this.#deps
    const tooLate = (): ErrandError => new ErrandError('deadline_exceeded', 'no answer to a probe')
    using deadline = new Deadline(clock, PROBE_TIMEOUT_MS, tooLate, member.leaving)
    const isAlive = await isResponsive(member.instance.endpoint, deadline.signal).catch(() => false)
    if (isAlive || member.isRetired) return
    this.retire(member)
    onLeft(shelf)
  }

  /** Stays with an instance until it is gone, so that one that ends by itself is noticed. */
  async seeOut(shelf: Shelf, member: Member): Promise<void> {
    const { clock, log, onLeft } = this.#deps
    await member.instance.ended
    // At once, and not when the rest of its story is known: its address is free for another instance now.
    this.#cutOff(member, new ErrandError('task_connection_closed', 'the instance has ended'))
    const exit = await member.instance.exited
    if (!exit.wasStopped) {
      this.#deps.meter?.left('died')
      this.#reportDeath(shelf, member, diedError(exit, member.instance.resources))
      await member.instance.stop(0)
      onLeft(shelf)
    }
    await member.instance.gone
    if (exit.wasStopped && member.fault !== undefined) shelf.crashes.note(member.fault, clock.monotonicMs())
    log.info({ instance: member.instance.id, image: shelf.task.image }, 'removed an instance')
    onLeft(shelf)
  }

  #reportDeath(shelf: Shelf, member: Member, error: ErrandError): void {
    const { clock, log } = this.#deps
    const facts = { instance: member.instance.id, image: shelf.task.image, ...loggableDetails(error.details) }
    log.warn(facts, error.message)
    if (error.code !== 'task_gone') shelf.crashes.note(error, clock.monotonicMs())
  }

  #cutOff(member: Member, reason: ErrandError): void {
    if (member.leaving.aborted) return
    member.leave()
    this.#deps.shelves.retire(member)
    this.#deps.background.add(member.disconnect(reason))
  }
}
