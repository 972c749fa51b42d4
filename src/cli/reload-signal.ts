import type { SignalSource } from './stop-signals.ts'

/** Makes of SIGHUP what service managers mean by it: take up what was renewed. Without it, that signal ends a process. */
export class ReloadSignal implements Disposable {
  readonly #source: SignalSource
  #reload: () => void = () => {}

  constructor(source: SignalSource) {
    this.#source = source
    source.on('SIGHUP', this.#onSignal)
  }

  /** From now on. Before, there is nothing to do: who has yet to open reads everything then. */
  listen(reload: () => void): void {
    this.#reload = reload
  }

  [Symbol.dispose](): void {
    this.#source.off('SIGHUP', this.#onSignal)
  }

  readonly #onSignal = (): void => this.#reload()
}
