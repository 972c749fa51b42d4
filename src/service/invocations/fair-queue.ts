interface Queued {
  readonly callerId: string
}

/** What waits, by caller: next comes the oldest one of the caller who has the fewest under way. */
export class FairQueue<T extends Queued> {
  readonly #waiting = new Map<string, Set<T>>()
  readonly #underWay = new Map<string, number>()
  #size = 0

  get size(): number {
    return this.#size
  }

  sizeOf(callerId: string): number {
    return this.#waiting.get(callerId)?.size ?? 0
  }

  add(item: T): void {
    const own = this.#waiting.get(item.callerId) ?? new Set()
    this.#size += own.has(item) ? 0 : 1
    this.#waiting.set(item.callerId, own.add(item))
  }

  drop(item: T): void {
    const own = this.#waiting.get(item.callerId)
    if (own?.delete(item) !== true) return
    this.#size -= 1
    if (own.size === 0) this.#waiting.delete(item.callerId)
  }

  /** It is under way until `done`. Undefined when nothing waits. */
  take(): T | undefined {
    let fewest = Infinity
    let next: T | undefined
    for (const [callerId, own] of this.#waiting) {
      const underWay = this.#underWay.get(callerId) ?? 0
      if (underWay >= fewest) continue
      fewest = underWay
      next = own.values().next().value
    }
    if (next === undefined) return undefined
    this.drop(next)
    this.#underWay.set(next.callerId, fewest + 1)
    return next
  }

  done({ callerId }: T): void {
    const left = (this.#underWay.get(callerId) ?? 1) - 1
    if (left === 0) this.#underWay.delete(callerId)
    else this.#underWay.set(callerId, left)
  }
}
