import { EventEmitter } from 'node:events'
import { type TestHostOptions, testHost } from '../daemon/config/test-host.fixture.ts'
import type { Terminal } from './terminal.ts'

/** A terminal that remembers what was printed, and whose signals and faults a test sends. */
export interface TestTerminal extends Terminal {
  readonly printed: { stdout: string; stderr: string }
  /** Statuses with which the process would have ended at once. */
  readonly exits: readonly number[]
  send(name: 'SIGTERM' | 'SIGINT'): void
  fault(error: unknown): void
  /** Listeners left on signals and faults. */
  listeners(): number
}

export function testTerminal(options: TestHostOptions = {}): TestTerminal {
  const printed = { stdout: '', stderr: '' }
  const exits: number[] = []
  const events = new EventEmitter()
  return {
    host: testHost(options),
    signals: {
      on: (name, listener) => events.on(name, listener),
      off: (name, listener) => events.off(name, listener),
      exit: (status) => exits.push(status),
    },
    onFault(listener) {
      events.on('fault', listener)
      return { [Symbol.dispose]: () => events.off('fault', listener) }
    },
    stdout(text) {
      printed.stdout += text
    },
    stderr(text) {
      printed.stderr += text
    },
    printed,
    exits,
    send: (name) => events.emit(name, name),
    fault: (error) => events.emit('fault', error),
    listeners: () => events.eventNames().reduce((sum, name) => sum + events.listenerCount(name), 0),
  }
}
