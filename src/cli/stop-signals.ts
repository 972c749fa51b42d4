import { constants } from 'node:os'
import { ErrandError } from '../core/errors.ts'

const SIGNALS = ['SIGTERM', 'SIGINT'] as const

export type SignalName = (typeof SIGNALS)[number] | 'SIGHUP'

/** Where signals come from and how a process ends at once: `process`, or a test's own. */
export interface SignalSource {
  on(name: SignalName, listener: (name: NodeJS.Signals) => void): unknown
  off(name: SignalName, listener: (name: NodeJS.Signals) => void): unknown
  exit(status: number): void
}

/** Turns the first SIGTERM or SIGINT (on a terminal also its hang-up) into an abort; a second one ends the process at once with 128 + its number. */
export class StopSignals implements Disposable {
  readonly #source: SignalSource
  readonly #names: readonly SignalName[]
  readonly #controller = new AbortController()

  constructor(source: SignalSource, isInteractive: boolean) {
    this.#source = source
    this.#names = isInteractive ? [...SIGNALS, 'SIGHUP'] : SIGNALS
    for (const name of this.#names) source.on(name, this.#onSignal)
  }

  /** Aborts with the error `cancelled`. */
  get signal(): AbortSignal {
    return this.#controller.signal
  }

  [Symbol.dispose](): void {
    for (const name of this.#names) this.#source.off(name, this.#onSignal)
  }

  readonly #onSignal = (name: NodeJS.Signals): void => {
    if (this.signal.aborted) this.#source.exit(128 + constants.signals[name])
    this.#controller.abort(new ErrandError('cancelled', `asked to end by ${name}`))
  }
}
