import { EventEmitter } from 'node:events'
import { type TestHostOptions, testHost } from '../daemon/config/test-host.fixture.ts'
import type { SignalName } from './stop-signals.ts'
import type { Output, Terminal } from './terminal.ts'

export interface TestTerminalOptions extends TestHostOptions {
  /** Makes both outputs a terminal of this width. Default: they are pipes. */
  readonly columns?: number
  /** Only where `columns` is given. Default: 24. */
  readonly rows?: number
  /** Only where `columns` is given. Default: none. */
  readonly hasColors?: boolean
  /** What can be read from stdin. Default: nothing. */
  readonly input?: string
}

/** A terminal that remembers what was printed, and whose signals and faults a test sends. */
export interface TestTerminal extends Terminal {
  readonly printed: { stdout: string; stderr: string }
  /** Statuses with which the process would have ended at once. */
  readonly exits: readonly number[]
  send(name: SignalName): void
  fault(error: unknown): void
  /** Whoever read an output leaves, which means this status. */
  loseReader(status: number): void
  /** Listeners left on signals and faults. */
  listeners(): number
}

export function testTerminal(options: TestTerminalOptions = {}): TestTerminal {
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
    onReaderGone(listener) {
      events.on('gone', listener)
      return { [Symbol.dispose]: () => events.off('gone', listener) }
    },
    stdout: testOutput(options, (text) => {
      printed.stdout += text
    }),
    stderr: testOutput(options, (text) => {
      printed.stderr += text
    }),
    stdin: {
      isTTY: false,
      async *[Symbol.asyncIterator]() {
        if (options.input !== undefined) yield Buffer.from(options.input)
      },
    },
    printed,
    exits,
    send: (name) => events.emit(name, name),
    fault: (error) => events.emit('fault', error),
    loseReader: (status) => events.emit('gone', status),
    listeners: () => events.eventNames().reduce((sum, name) => sum + events.listenerCount(name), 0),
  }
}

/** Hands on what is written; bytes as if they were Latin-1, so that none is lost. */
export function testOutput(
  { columns, rows = 24, hasColors }: Pick<TestTerminalOptions, 'columns' | 'rows' | 'hasColors'>,
  sink: (text: string) => void,
): Output {
  return {
    isTTY: columns !== undefined,
    columns: columns ?? Number.POSITIVE_INFINITY,
    rows: columns === undefined ? Number.POSITIVE_INFINITY : rows,
    hasColors: columns !== undefined && hasColors === true,
    taken: () => Promise.resolve(),
    write: (data) => sink(typeof data === 'string' ? data : Buffer.from(data).toString('latin1')),
  }
}
