import type { ErrandError } from '../core/errors.ts'
import type { Task, TaskKey } from '../core/task.ts'
import { CrashRecord } from './crash-record.ts'
import type { Member } from './member.ts'
import type { StartingInstance } from './starting-instance.ts'

/** A request that waits for a turn. */
export interface WaitingRequest {
  /** Its turn with this instance has been counted. */
  resolve(member: Member): void
  reject(error: ErrandError): void
}

/** A start under way. */
export interface Launch {
  readonly controller: AbortController
  /** What the engine has been asked for: too late to call it off just because nobody waits any more. */
  starting: StartingInstance | undefined
  /** Monotonic, in milliseconds: when somebody came to wait for it. */
  readonly sinceMs: number
}

/** Everything of one task: its instances, those that start, and the requests that wait for one. */
export class Shelf {
  readonly key: TaskKey
  readonly task: Task
  readonly members: Set<Member> = new Set()
  readonly launches: Set<Launch> = new Set()
  readonly crashes: CrashRecord = new CrashRecord()
  /** In the order of their arrival. */
  readonly waiting: Set<WaitingRequest> = new Set()
  readonly #concurrency: number

  constructor(key: TaskKey, task: Task, concurrency: number) {
    this.key = key
    this.task = task
    this.#concurrency = concurrency
  }

  findFree(): Member | undefined {
    for (const member of this.members) {
      if (this.isFree(member)) return member
    }
    return undefined
  }

  /** Whether it may be given another request. */
  isFree(member: Member): boolean {
    return member.turns < this.#concurrency
  }

  /** Starts that those who wait now can use: with unlimited concurrency one serves them all. */
  get neededLaunches(): number {
    if (this.waiting.size === 0) return 0
    return this.#concurrency === Infinity ? 1 : Math.ceil(this.waiting.size / this.#concurrency)
  }

  /** Takes the first who waits out of the line. */
  takeWaiting(): WaitingRequest | undefined {
    const [first] = this.waiting
    if (first !== undefined) this.waiting.delete(first)
    return first
  }

  /** Takes out who came last. */
  takeLast(): WaitingRequest | undefined {
    const last = [...this.waiting].at(-1)
    if (last !== undefined) this.waiting.delete(last)
    return last
  }

  /** Takes out those whom one start would have served. */
  takeShare(): WaitingRequest[] {
    const share = [...this.waiting].slice(0, this.#concurrency)
    for (const request of share) this.waiting.delete(request)
    return share
  }

  /** Calls off starts that nobody needs any more, the youngest first, unless the engine has been asked already. */
  trim(reason: ErrandError): void {
    let excess = this.launches.size - this.neededLaunches
    for (const launch of [...this.launches].toReversed()) {
      if (excess <= 0) return
      if (launch.starting !== undefined) continue
      excess -= 1
      launch.controller.abort(reason)
    }
  }

  isForgettable(nowMs: number): boolean {
    return this.members.size + this.launches.size + this.waiting.size === 0 && this.crashes.isStale(nowMs)
  }
}
