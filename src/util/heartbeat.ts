const BEATS = 0
const STACK_BYTES = 1
const TEXT_AT = 8
/** Some forty frames. */
const MOST_BYTES = 4 * 1024

/**
 * What a thread and the watchdog over it have in common, in memory that they share: how often it has come round, and what it
 * was about when it did not.
 */
export class Heartbeat {
  /** For the other thread, which makes its own of it. */
  readonly shared: SharedArrayBuffer
  readonly #words: Int32Array
  readonly #text: Buffer

  constructor(shared: SharedArrayBuffer = new SharedArrayBuffer(TEXT_AT + MOST_BYTES)) {
    this.shared = shared
    this.#words = new Int32Array(shared, 0, 2)
    this.#text = Buffer.from(shared, TEXT_AT)
  }

  /** The watched thread has come round. */
  beat(): void {
    Atomics.add(this.#words, BEATS, 1)
  }

  /** None is to be waited for, as before the first one. */
  rest(): void {
    Atomics.store(this.#words, BEATS, 0)
  }

  /** 0 until the first one, and at rest. */
  get beats(): number {
    return Atomics.load(this.#words, BEATS)
  }

  get hasStack(): boolean {
    return Atomics.load(this.#words, STACK_BYTES) > 0
  }

  /** The innermost frame first; the outermost are left out where there are too many. */
  leaveStack(frames: readonly string[]): void {
    Atomics.store(this.#words, STACK_BYTES, this.#text.write(frames.join('\n')))
  }

  /** What was left, once; undefined when there is nothing. */
  takeStack(): readonly string[] | undefined {
    const bytes = Atomics.exchange(this.#words, STACK_BYTES, 0)
    return bytes === 0 ? undefined : this.#text.toString('utf8', 0, bytes).split('\n')
  }
}
