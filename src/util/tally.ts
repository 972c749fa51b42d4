/** How many there are of each, and of all. What there is none of takes no room. */
export class Tally<Key = string> {
  readonly #counts = new Map<Key, number>()
  #total = 0

  get total(): number {
    return this.#total
  }

  of(key: Key): number {
    return this.#counts.get(key) ?? 0
  }

  add(key: Key): void {
    this.#counts.set(key, this.of(key) + 1)
    this.#total += 1
  }

  /** One that was added. */
  remove(key: Key): void {
    const left = this.of(key) - 1
    if (left < 0) return
    this.#total -= 1
    if (left === 0) this.#counts.delete(key)
    else this.#counts.set(key, left)
  }
}
