import { type ChildProcess, spawn } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

const LAUNCHER = join(import.meta.dirname, '../../bin/errand')

/** A line of the node's log. */
export type LogLine = Readonly<Record<string, unknown>> & { readonly msg: string }

/** `errand serve` as a child process, its log read line by line. */
export class NodeProcess implements AsyncDisposable {
  readonly #child: ChildProcess
  readonly #lines = new EventEmitter<{ line: [LogLine] }>()
  readonly #seen: LogLine[] = []

  constructor(args: readonly string[]) {
    this.#child = spawn(LAUNCHER, ['serve', ...args], { stdio: ['ignore', 'inherit', 'pipe'] })
    const stderr = this.#child.stderr
    if (stderr === null) throw new Error('the child has no stderr')
    createInterface({ input: stderr }).on('line', (text) => this.#read(text))
  }

  /** The first log line, past or future, that says this and meets `isMeant`. */
  async logged(message: string, isMeant: (line: LogLine) => boolean = () => true): Promise<LogLine> {
    const isIt = (line: LogLine): boolean => line.msg === message && isMeant(line)
    const past = this.#seen.find(isIt)
    if (past !== undefined) return past
    for await (const [line] of EventEmitter.on(this.#lines, 'line', { signal: AbortSignal.timeout(60_000) })) {
      if (isIt(line)) return line
    }
    throw new Error(`the node never logged: ${message}`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    this.#child.kill('SIGTERM')
    await once(this.#child, 'exit')
  }

  #read(text: string): void {
    if (!text.startsWith('{')) {
      console.error(text)
      return
    }
    const line: LogLine = JSON.parse(text)
    this.#seen.push(line)
    this.#lines.emit('line', line)
  }
}
