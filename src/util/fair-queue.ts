import { Tally } from './tally.ts'

interface Queued {
  readonly callerId: string
}

/** Where something in the queue is. */
type PlaceState =
  /** It may be taken. */
  | 'ready'
  /** It waits, but for something else than its turn. */
  | 'parked'
  /** It is under way. */
  | 'taken'

interface Place<T> {
  readonly item: T
  /** Of its coming. It keeps that for as long as it is here. */
  readonly order: number
  state: PlaceState
}

/**
 * What waits, by caller: next comes the oldest one of the caller who has the fewest under way, and of several such callers
 * of the one whose last turn is longest ago.
 */
export class FairQueue<T extends Queued> {
  readonly #places = new Map<T, Place<T>>()
  /** What may be taken, in order; the caller who had the last turn is the last one. */
  readonly #ready = new Map<string, Place<T>[]>()
  readonly #waiting = new Tally()
  readonly #underWay = new Tally()
  #added = 0

  /** What waits, parked or not. */
  get size(): number {
    return this.#waiting.total
  }

  get underWay(): number {
    return this.#underWay.total
  }

  sizeOf(callerId: string): number {
    return this.#waiting.of(callerId)
  }

  add(item: T): void {
    if (this.#places.has(item)) return
    const place: Place<T> = { item, order: this.#added, state: 'parked' }
    this.#added += 1
    this.#places.set(item, place)
    this.#waiting.add(item.callerId)
    this.#makeReady(place)
  }

  /**
   * It is under way until it is parked or removed. Undefined when nothing may be taken.
   * @param mostOfCaller nothing is taken of a caller with so many under way
   */
  take(mostOfCaller: number = Infinity): T | undefined {
    const callerId = this.#next(mostOfCaller)
    const own = callerId === undefined ? undefined : this.#ready.get(callerId)
    const place = own?.shift()
    if (callerId === undefined || own === undefined || place === undefined) return undefined
    this.#ready.delete(callerId)
    if (own.length > 0) this.#ready.set(callerId, own)
    place.state = 'taken'
    this.#waiting.remove(callerId)
    this.#underWay.add(callerId)
    return place.item
  }

  /** What is under way waits again, with the place it had, but is not taken before `wake`. */
  park(item: T): void {
    const place = this.#places.get(item)
    if (place?.state !== 'taken') return
    place.state = 'parked'
    this.#underWay.remove(item.callerId)
    this.#waiting.add(item.callerId)
  }

  /** It may be taken, wherever it waits; it comes if it is not here. */
  put(item: T): void {
    this.add(item)
    this.wake(item)
  }

  wake(item: T): void {
    const place = this.#places.get(item)
    if (place?.state === 'parked') this.#makeReady(place)
  }

  /** Wherever it is. Idempotent. */
  remove(item: T): void {
    const place = this.#places.get(item)
    if (place === undefined) return
    this.#places.delete(item)
    if (place.state === 'taken') this.#underWay.remove(item.callerId)
    else this.#waiting.remove(item.callerId)
    if (place.state === 'ready') this.#unready(place)
  }

  #next(mostOfCaller: number): string | undefined {
    let fewest = mostOfCaller
    let next: string | undefined
    for (const callerId of this.#ready.keys()) {
      const underWay = this.#underWay.of(callerId)
      if (underWay >= fewest) continue
      fewest = underWay
      next = callerId
    }
    return next
  }

  #makeReady(place: Place<T>): void {
    place.state = 'ready'
    const own = this.#ready.get(place.item.callerId)
    if (own === undefined) this.#ready.set(place.item.callerId, [place])
    else own.splice(indexFor(own, place.order), 0, place)
  }

  #unready({ item: { callerId }, order }: Place<T>): void {
    const own = this.#ready.get(callerId)
    own?.splice(indexFor(own, order), 1)
    if (own?.length === 0) this.#ready.delete(callerId)
  }
}

/** Of the first one that did not come before `order`. */
function indexFor(places: readonly Place<unknown>[], order: number): number {
  let [from, to] = [0, places.length]
  while (from < to) {
    const middle = (from + to) >>> 1
    if ((places[middle]?.order ?? Infinity) < order) from = middle + 1
    else to = middle
  }
  return from
}
