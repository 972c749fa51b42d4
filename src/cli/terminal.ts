import { type ConfigHost, thisHost } from '../daemon/config/host.ts'
import type { SignalSource } from './stop-signals.ts'

/** What commands use of the process around them; a test brings its own. */
export interface Terminal {
  readonly host: ConfigHost
  readonly signals: SignalSource
  /** Called for errors that nobody caught, until disposed. */
  onFault(listener: (error: unknown) => void): Disposable
  stdout(text: string): void
  stderr(text: string): void
}

export function thisTerminal(): Terminal {
  return {
    host: thisHost(),
    signals: process,
    onFault(listener) {
      process.on('uncaughtException', listener)
      return { [Symbol.dispose]: () => process.off('uncaughtException', listener) }
    },
    stdout: (text) => process.stdout.write(text),
    stderr: (text) => process.stderr.write(text),
  }
}
