import type { SignalSource } from '../stop-signals.ts'

const NAMES = ['SIGINT', 'SIGTERM'] as const

/** Tells the first Ctrl-C from the second. Disposing ends it. */
export class Interrupts implements Disposable {
  readonly #source: SignalSource
  readonly #onFirst: () => void
  readonly #second = new AbortController()
  #count = 0

  /** `onFirst` must not throw. */
  constructor(source: SignalSource, onFirst: () => void) {
    this.#source = source
    this.#onFirst = onFirst
    for (const name of NAMES) source.on(name, this.#onSignal)
  }

  /** Aborts with the second. */
  get second(): AbortSignal {
    return this.#second.signal
  }

  [Symbol.dispose](): void {
    for (const name of NAMES) this.#source.off(name, this.#onSignal)
  }

  readonly #onSignal = (): void => {
    this.#count += 1
    if (this.#count === 1) this.#onFirst()
    else this.#second.abort()
  }
}
