import { constants } from 'node:os'
import { ErrandError } from '../core/errors.ts'

const SIGNALS = ['SIGTERM', 'SIGINT'] as const

/** Where signals come from and how a process ends at once: `process`, or a test's own. */
export interface SignalSource {
  on(name: (typeof SIGNALS)[number], listener: (name: NodeJS.Signals) => void): unknown
  off(name: (typeof SIGNALS)[number], listener: (name: NodeJS.Signals) => void): unknown
  exit(status: number): void
}

/** Turns the first SIGTERM or SIGINT into an abort; a second one ends the process at once with 128 + its number. */
export class StopSignals implements Disposable {
  readonly #source: SignalSource
  readonly #controller = new AbortController()

  constructor(source: SignalSource) {
    this.#source = source
    for (const name of SIGNALS) source.on(name, this.#onSignal)
  }

  /** Aborts with the error `cancelled`. */
  get signal(): AbortSignal {
    return this.#controller.signal
  }

  [Symbol.dispose](): void {
    for (const name of SIGNALS) this.#source.off(name, this.#onSignal)
  }

  readonly #onSignal = (name: NodeJS.Signals): void => {
    if (this.signal.aborted) this.#source.exit(128 + constants.signals[name])
    this.#controller.abort(new ErrandError('cancelled', `asked to end by ${name}`))
  }
}
