import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { type Address, parseAddress } from './address.ts'

/** A line of the JSON log that children of a benchmark write to stderr. */
export type LogLine = Readonly<Record<string, unknown>>

export interface ChildOptions {
  /** Cores that it may run on, as `taskset -c` takes them. */
  readonly cores?: string | undefined
  /** Lets it be asked by `ask`. */
  readonly hasChannel?: boolean
}

/** The daemon gives itself 30 s to remove everything. */
const STOP_DEADLINE_MS = 40_000

/**
 * A process under measurement. In a session of its own, so that Ctrl-C reaches only the benchmark, which then ends it in
 * order; told to end by the kernel when the benchmark dies without a word.
 */
export class Child implements AsyncDisposable {
  readonly lines: LogLine[] = []
  readonly #process: ChildProcess
  readonly #exited: Promise<unknown>
  readonly #name: string
  #other = ''
  #onLine: () => void = () => {}

  constructor(name: string, command: readonly string[], { cores, hasChannel }: ChildOptions = {}) {
    const pinned = cores === undefined ? [] : ['taskset', '-c', cores]
    const argv = ['--pdeathsig', 'TERM', '--', ...pinned, ...command]
    const stdio = ['ignore', 'ignore', 'pipe', ...(hasChannel === true ? (['ipc'] as const) : [])] as const
    this.#name = name
    this.#process = spawn('setpriv', argv, { detached: true, stdio: [...stdio] })
    this.#exited = once(this.#process, 'exit').catch((error: unknown) => this.#take(String(error)))
    void this.#exited.then(() => this.#onLine())
    if (this.#process.stderr !== null) createInterface(this.#process.stderr).on('line', (line) => this.#take(line))
  }

  get pid(): number {
    return this.#process.pid ?? 0
  }

  /** Resolves with the first line, of those that came and those to come, for which `isWanted` holds. */
  async line(isWanted: (line: LogLine) => boolean, signal: AbortSignal): Promise<LogLine> {
    for (;;) {
      signal.throwIfAborted()
      const found = this.lines.find(isWanted)
      if (found !== undefined) return found
      if (this.#process.exitCode !== null) throw new Error(`${this.#name} has ended: ${this.#other}`)
      await this.#nextLine(signal)
    }
  }

  /** Where it listens, once it says so. */
  async addresses(signal: AbortSignal): Promise<Address[]> {
    const { addresses } = await this.line((line) => Array.isArray(line.addresses), signal)
    return (addresses as string[]).map(parseAddress)
  }

  /** Sends a message and resolves with the one that comes back. */
  async ask(question: string, signal: AbortSignal): Promise<unknown> {
    this.#process.send(question)
    const [answer] = await once(this.#process, 'message', { signal })
    return answer
  }

  /** Ends it without a chance to do anything more. */
  async kill(): Promise<void> {
    this.#process.kill('SIGKILL')
    await this.#exited
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill('SIGTERM')
    const kill = setTimeout(() => this.#process.kill('SIGKILL'), STOP_DEADLINE_MS)
    await this.#exited
    clearTimeout(kill)
  }

  #take(line: string): void {
    if (line.startsWith('{')) this.lines.push(JSON.parse(line) as LogLine)
    else this.#other += `${line}\n`
    this.#onLine()
  }

  async #nextLine(signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#onLine = resolve
    signal.addEventListener('abort', () => resolve(), { once: true })
    await promise
  }
}
