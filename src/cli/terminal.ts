import { EventEmitter } from 'node:events'
import { type ConfigHost, thisHost } from '../daemon/config/host.ts'
import { EXIT } from './exit-status.ts'
import type { SignalSource } from './stop-signals.ts'

/** What commands use of the process around them; a test brings its own. */
export interface Terminal {
  readonly host: ConfigHost
  readonly signals: SignalSource
  /** For results: what a script reads. */
  readonly stdout: Output
  /** For everything else: progress, advice, what went wrong. */
  readonly stderr: Output
  readonly stdin: Input
  /** Called for errors that nobody caught, until disposed. */
  onFault(listener: (error: unknown) => void): Disposable
  /**
   * Called when whoever read an output has left, with the exit status that it means, until disposed. While nobody listens the
   * process ends at once: a reader such as `head` may leave at any time, and there is nobody left to tell.
   */
  onReaderGone(listener: (status: number) => void): Disposable
}

/** One way out to whoever started the command. */
export interface Output {
  /** Whether it is somebody's screen. What is not ours to trust must be neutralised before it goes there. */
  readonly isTTY: boolean
  /** Width of a line, asked anew each time: a window can be resized. Infinity where lines are not cut. */
  readonly columns: number
  /** Lines that are seen at once, asked anew each time. Infinity where nobody looks. */
  readonly rows: number
  readonly hasColors: boolean
  /** In order. What its reader has not taken is kept: who writes much waits for `taken` in between. */
  write(data: string | Uint8Array): void
  /** Resolves when its reader has taken all that was written, or is gone. A process that ends before that loses the rest. */
  taken(): Promise<void>
}

export interface Input extends AsyncIterable<Uint8Array> {
  readonly isTTY: boolean
}

/** As a shell shows a process that its closed pipe ended: 128 + SIGPIPE. */
const CLOSED_PIPE = 141

export function thisTerminal(): Terminal {
  const host = thisHost()
  const readers = new EventEmitter<{ gone: [status: number] }>()
  const onGone = (status: number): void => {
    if (!readers.emit('gone', status)) process.exit(status)
  }
  const onLost = ({ code, message }: NodeJS.ErrnoException): void => {
    if (code !== 'EPIPE') process.stderr.write(`errand: the result cannot be written: ${message}\n`)
    onGone(code === 'EPIPE' ? CLOSED_PIPE : EXIT.ioError)
  }
  return {
    host,
    signals: process,
    stdout: outputTo(process.stdout, host, onLost),
    // There is no other way to tell.
    stderr: outputTo(process.stderr, host, ({ code }) => onGone(code === 'EPIPE' ? CLOSED_PIPE : EXIT.ioError)),
    stdin: {
      get isTTY() {
        return process.stdin.isTTY === true
      },
      [Symbol.asyncIterator]: () => process.stdin[Symbol.asyncIterator]() as AsyncIterator<Buffer>,
    },
    onFault(listener) {
      process.on('uncaughtException', listener)
      return { [Symbol.dispose]: () => process.off('uncaughtException', listener) }
    },
    onReaderGone(listener) {
      readers.on('gone', listener)
      return { [Symbol.dispose]: () => readers.off('gone', listener) }
    },
  }
}

/** Writes to files and terminals are synchronous on Linux; a pipe or socket takes what it has room for. */
function outputTo(
  stream: NodeJS.WriteStream,
  { environment }: ConfigHost,
  onError: (error: NodeJS.ErrnoException) => void,
): Output {
  const isTTY = stream.isTTY === true
  let isLost = false
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (!isLost) onError(error)
    isLost = true
  })
  return {
    isTTY,
    get columns() {
      return isTTY ? stream.columns || 80 : Number.POSITIVE_INFINITY
    },
    get rows() {
      return isTTY ? stream.rows || 24 : Number.POSITIVE_INFINITY
    },
    hasColors: isTTY && !environment.NO_COLOR && environment.TERM !== 'dumb',
    write: (data) => stream.write(data),
    // An error of the last write is told soon after it: who ends at once would never know.
    taken: () =>
      stream.writableLength === 0 && stream.errored === null
        ? Promise.resolve()
        : new Promise((resolve) => stream.write('', () => setImmediate(resolve))),
  }
}
