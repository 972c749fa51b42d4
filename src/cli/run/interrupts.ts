import { ErrandError } from '../../core/errors.ts'
import type { SignalName } from '../stop-signals.ts'
import type { Terminal } from '../terminal.ts'
import { RUN_EXIT } from './run-status.ts'

const NAMES = ['SIGINT', 'SIGTERM'] as const

/**
 * Tells the first Ctrl-C, which asks for the end of what runs, from the second, which leaves at once. A third ends the
 * process as it is, whatever that still waits for. Disposing ends it.
 */
export class Interrupts implements Disposable {
  readonly #terminal: Terminal
  readonly #names: readonly SignalName[]
  readonly #watches: readonly Disposable[]
  readonly #asked = new AbortController()
  readonly #left = new AbortController()
  #status: number = RUN_EXIT.cancelled

  /**
   * `ownsWork`: what runs must not outlive this process. Then a terminal that is hung up asks for the end, too, and whatever
   * else would end the process leaves instead, so that its owner can tidy up.
   */
  constructor(terminal: Terminal, { ownsWork }: { readonly ownsWork: boolean }) {
    this.#terminal = terminal
    this.#names = ownsWork ? [...NAMES, 'SIGHUP'] : NAMES
    for (const name of this.#names) terminal.signals.on(name, this.#onSignal)
    this.#watches = ownsWork ? [terminal.onReaderGone(this.#onReaderGone), terminal.onFault(this.#onFault)] : []
  }

  /** Aborts with the first, or with `left`. */
  get asked(): AbortSignal {
    return this.#asked.signal
  }

  /** Aborts with the second. Its reason is `cancelled`, or the fault of ours that nobody caught. */
  get left(): AbortSignal {
    return this.#left.signal
  }

  /** What the process ends with by these. */
  get status(): number {
    return this.#status
  }

  [Symbol.dispose](): void {
    for (const name of this.#names) this.#terminal.signals.off(name, this.#onSignal)
    for (const watch of this.#watches) watch[Symbol.dispose]()
  }

  readonly #onSignal = (name: NodeJS.Signals): void => {
    if (this.left.aborted) this.#terminal.signals.exit(RUN_EXIT.cancelled)
    else if (this.asked.aborted) this.#leave(RUN_EXIT.cancelled)
    else this.#asked.abort(new ErrandError('cancelled', `asked to end by ${name}`))
  }

  readonly #onFault = (error: unknown): void => this.#leave(RUN_EXIT.failed, ErrandError.from(error))

  readonly #onReaderGone = (status: number): void => this.#leave(status)

  #leave(status: number, reason: ErrandError = new ErrandError('cancelled', 'nobody waits any more')): void {
    if (this.left.aborted) return
    this.#status = status
    this.#left.abort(reason)
    this.#asked.abort(reason)
  }
}
