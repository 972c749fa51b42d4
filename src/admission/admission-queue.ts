/** What decides who comes first. */
export interface Ranked {
  /** Undefined for warm starts, which come before all executions; among those the higher one comes first. */
  readonly priority?: number
  readonly callerId?: string
}

interface Place<T> {
  readonly item: T
  readonly rank: number
}

/** What waits, in the order in which it is served: by rank, and equals by their coming. */
export class AdmissionQueue<T extends Ranked> implements Iterable<T> {
  /** First come first. */
  readonly #places: Place<T>[] = []
  readonly #ofCallers = new Map<string, number>()
  #executions = 0

  get size(): number {
    return this.#places.length
  }

  /** Warm starts that wait. */
  get warm(): number {
    return this.#places.length - this.#executions
  }

  get executions(): number {
    return this.#executions
  }

  get first(): T | undefined {
    return this.#places[0]?.item
  }

  /** Executions of one caller that wait. */
  ofCaller(callerId: string): number {
    return this.#ofCallers.get(callerId) ?? 0
  }

  add(item: T): void {
    const rank = item.priority ?? Infinity
    const behind = this.#places.findLastIndex((place) => place.rank >= rank)
    this.#places.splice(behind + 1, 0, { item, rank })
    this.#count(item, 1)
  }

  /** False when it is not there. */
  delete(item: T): boolean {
    const at = this.indexOf(item)
    if (at < 0) return false
    this.#places.splice(at, 1)
    this.#count(item, -1)
    return true
  }

  /** How many are before it; -1 when it is not there. */
  indexOf(item: T): number {
    return this.#places.findIndex((place) => place.item === item)
  }

  clear(): void {
    for (const { item } of this.#places) this.#count(item, -1)
    this.#places.length = 0
  }

  /** As they stood when the iteration began. */
  [Symbol.iterator](): Iterator<T> {
    return this.#places.map(({ item }) => item).values()
  }

  #count({ priority, callerId }: T, by: 1 | -1): void {
    if (priority === undefined) return
    this.#executions += by
    if (callerId === undefined) return
    const count = this.ofCaller(callerId) + by
    if (count === 0) this.#ofCallers.delete(callerId)
    else this.#ofCallers.set(callerId, count)
  }
}
