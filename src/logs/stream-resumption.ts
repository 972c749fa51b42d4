const LINE_FEED = 10
const NOTHING = Buffer.alloc(0)

/** Takes one stream of an output from its beginning again, and lets through what was not taken before. */
export class StreamResumption {
  readonly #takenBytes: number
  readonly #lastTaken: Buffer
  readonly #lastSeen: Buffer
  #seenBytes = 0
  #held: Buffer | undefined

  /** `lastTaken`: the end of what was taken before, as far as it is known. */
  constructor(takenBytes: number, lastTaken: Buffer) {
    this.#takenBytes = takenBytes
    this.#lastTaken = lastTaken
    this.#lastSeen = Buffer.alloc(lastTaken.length)
  }

  /** It has come as far as before, and ended the same there. */
  get isResumed(): boolean {
    return this.#seenBytes >= this.#takenBytes && this.#lastSeen.equals(this.#lastTaken)
  }

  /** What is new in the next piece. */
  pass(data: Buffer): Buffer {
    const left = this.#takenBytes - this.#seenBytes
    if (left > 0) this.#remember(data.subarray(0, left), left)
    this.#seenBytes += data.length
    if (data.length <= left) return NOTHING
    return this.#release(data.subarray(Math.max(0, left)), left >= 0)
  }

  /** `left`: from its beginning to the end of what was taken. */
  #remember(known: Buffer, left: number): void {
    const at = this.#lastSeen.length - left
    known.subarray(Math.max(0, -at)).copy(this.#lastSeen, Math.max(0, at))
  }

  /**
   * Engines end a last line that the task left open. So a line feed that comes first counts once something follows it: a
   * log may lack its last byte, but has none too many.
   */
  #release(fresh: Buffer, isFirst: boolean): Buffer {
    const held = this.#held
    if (held !== undefined) {
      this.#held = undefined
      return Buffer.concat([held, fresh])
    }
    const wasOpen = this.#takenBytes > 0 && this.#lastTaken.at(-1) !== LINE_FEED
    if (!isFirst || !wasOpen || fresh.length > 1 || fresh[0] !== LINE_FEED) return fresh
    this.#held = fresh
    return NOTHING
  }
}
