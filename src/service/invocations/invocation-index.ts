import { ErrandError } from '../../core/errors.ts'
import type { InvocationRecord } from './invocation-record.ts'

type Known = Pick<InvocationRecord, 'id' | 'callerId' | 'acceptedMs'>

/** What is in memory of every one, ended or not. */
interface Entry extends Known {
  /** The caller's, for what it stands for. */
  readonly key: string | undefined
}

/** Where in the order of acceptance something is; of those of one millisecond the ids decide. */
type Place = Pick<Entry, 'acceptedMs' | 'id'>

const CURSOR = /^([0-9]{15})\.([a-z0-9-]{1,63})$/

/** Which invocations there are, in order. There may be very many: of each there is no more here than it takes to find it. */
export class InvocationIndex {
  readonly #entries = new Map<string, Entry>()
  readonly #byKey = new Map<string, string>()
  readonly #all = new OrderedEntries()
  readonly #own = new Map<string, OrderedEntries>()

  get size(): number {
    return this.#entries.size
  }

  has(id: string): boolean {
    return this.#entries.has(id)
  }

  /** What a caller's key stands for. */
  findByKey(callerId: string, key: string): string | undefined {
    return this.#byKey.get(nameOf(callerId, key))
  }

  add({ id, callerId, acceptedMs }: Known, key: string | undefined): void {
    const own = this.#own.get(callerId) ?? new OrderedEntries()
    // The same text for all of them, not one each.
    const entry = { id, callerId: own.first?.callerId ?? callerId, acceptedMs, key }
    this.#entries.set(id, entry)
    this.#own.set(entry.callerId, own)
    for (const list of [own, this.#all]) list.add(entry)
    if (key !== undefined) this.#byKey.set(nameOf(callerId, key), id)
  }

  /** Idempotent. */
  remove(id: string): void {
    const entry = this.#entries.get(id)
    if (entry === undefined) return
    this.#entries.delete(id)
    const { callerId, key } = entry
    const own = this.#own.get(callerId)
    own?.remove(entry)
    if (own?.first === undefined) this.#own.delete(callerId)
    this.#all.remove(entry)
    if (key !== undefined && this.findByKey(callerId, key) === id) this.#byKey.delete(nameOf(callerId, key))
  }

  /** Of one caller, or of all: the youngest first. @throws validation_failed for a cursor that is none */
  page(
    callerId: string | undefined,
    limit: number,
    cursor?: string,
  ): { readonly ids: string[]; readonly cursor?: string } {
    const list = callerId === undefined ? this.#all : this.#own.get(callerId)
    const entries = list?.before(cursor === undefined ? undefined : placeIn(cursor), limit + 1) ?? []
    const ids = entries.slice(0, limit).map(({ id }) => id)
    const last = entries[limit - 1]
    return { ids, ...(entries.length > limit && last !== undefined && { cursor: cursorOf(last) }) }
  }
}

/** The oldest first. Nearly all come at the end and leave at the beginning, which costs next to nothing. */
class OrderedEntries {
  readonly #entries: Entry[] = []

  get first(): Entry | undefined {
    return this.#entries[0]
  }

  add(entry: Entry): void {
    const last = this.#entries.at(-1)
    if (last === undefined || isBefore(last, entry)) this.#entries.push(entry)
    else this.#entries.splice(this.#indexOf(entry), 0, entry)
  }

  remove(entry: Entry): void {
    const index = this.#indexOf(entry)
    if (this.#entries[index] === entry) this.#entries.splice(index, 1)
  }

  /** The youngest first, those before a place or all. */
  before(place: Place | undefined, limit: number): Entry[] {
    const end = place === undefined ? this.#entries.length : this.#indexOf(place)
    return this.#entries.slice(Math.max(0, end - limit), end).reverse()
  }

  /** Of the first one that is not before a place. */
  #indexOf(place: Place): number {
    let [from, to] = [0, this.#entries.length]
    while (from < to) {
      const middle = (from + to) >>> 1
      const entry = this.#entries[middle]
      if (entry !== undefined && isBefore(entry, place)) from = middle + 1
      else to = middle
    }
    return from
  }
}

function isBefore(a: Place, b: Place): boolean {
  return a.acceptedMs === b.acceptedMs ? a.id < b.id : a.acceptedMs < b.acceptedMs
}

function cursorOf({ acceptedMs, id }: Place): string {
  return `${String(acceptedMs).padStart(15, '0')}.${id}`
}

function placeIn(cursor: string): Place {
  const [, acceptedMs, id] = CURSOR.exec(cursor) ?? []
  if (acceptedMs === undefined || id === undefined) {
    throw new ErrandError('validation_failed', 'cursor: must be one of an earlier page')
  }
  return { acceptedMs: Number(acceptedMs), id }
}

/** A caller's id holds no line feed. */
function nameOf(callerId: string, key: string): string {
  return `${callerId}\n${key}`
}
