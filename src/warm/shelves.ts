import type { Clock } from '../core/clock.ts'
import type { Task, TaskKey } from '../core/task.ts'
import type { Member } from './member.ts'
import type { PoolCensus } from './pool-meter.ts'
import { Shelf } from './shelf.ts'

/** From this many tasks on, those of which only an old failure is remembered are forgotten. */
const PRUNE_FROM = 1000

/** The shelves of all tasks that have, or lately had, something to do. */
export class Shelves implements Iterable<Shelf> {
  readonly #clock: Clock
  readonly #concurrency: number
  readonly #byKey = new Map<TaskKey, Shelf>()

  /** @param concurrency requests that one instance answers at once, where its task does not say */
  constructor(clock: Clock, concurrency: number) {
    this.#clock = clock
    this.#concurrency = concurrency
  }

  [Symbol.iterator](): Iterator<Shelf> {
    return this.#byKey.values()
  }

  /** The shelf of a task, begun when there is none. */
  get(key: TaskKey, task: Task): Shelf {
    return this.#byKey.get(key) ?? this.#add(key, task)
  }

  /** Every instance that is lent or can be. May change while it is walked. */
  *members(): Generator<Member> {
    for (const shelf of this) yield* shelf.members
  }

  /** Those that answer nothing. */
  idle(): Member[] {
    return [...this.members()].filter(({ isIdle }) => isIdle)
  }

  census(): PoolCensus {
    let [starting, idle, busy] = [0, 0, 0]
    for (const { launches, members } of this) {
      starting += launches.size
      for (const { turns } of members) {
        if (turns === 0) idle += 1
        else busy += 1
      }
    }
    return { starting, idle, busy }
  }

  /** Lends it no more; what it is answering may end. */
  retire(member: Member): void {
    member.isRetired = true
    for (const shelf of this) shelf.members.delete(member)
  }

  forgetIfUnused(shelf: Shelf): void {
    if (!shelf.isForgettable(this.#clock.monotonicMs())) return
    // While the last of its instances went, it may have been forgotten already, and its task begun anew.
    if (this.#byKey.get(shelf.key) === shelf) this.#byKey.delete(shelf.key)
  }

  #add(key: TaskKey, task: Task): Shelf {
    if (this.#byKey.size >= PRUNE_FROM) for (const shelf of this) this.forgetIfUnused(shelf)
    const shelf = new Shelf(key, task, task.definition?.concurrency ?? this.#concurrency)
    this.#byKey.set(key, shelf)
    return shelf
  }
}
