import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'

export interface PtyOptions {
  readonly cwd: string
  readonly environment: Readonly<Record<string, string>>
  /** Default: 80. */
  readonly columns?: number
}

/** The control characters that keys send. */
export const KEY = { ctrlC: '\u0003' } as const

/**
 * A command on a terminal of its own, as a person has it: made by `script` of util-linux, whose line discipline turns keys
 * into signals. Disposing closes the terminal.
 */
export class Pty implements AsyncDisposable {
  readonly #child: ChildProcess
  readonly #closed: Promise<number>
  #hasEnded = false
  #text = ''
  #news = Promise.withResolvers<void>()

  constructor(command: readonly string[], { cwd, environment, columns = 80 }: PtyOptions) {
    const line = `stty cols ${columns} rows 24; exec ${command.map(quote).join(' ')}`
    const env = { TERM: 'xterm', ...environment, SHELL: '/bin/sh' }
    const child = spawn('script', ['-qefc', line, '/dev/null'], { cwd, env, stdio: ['pipe', 'pipe', 'inherit'] })
    child.stdout.setEncoding('utf8').on('data', (piece: string) => {
      this.#text += piece
      this.#tell()
    })
    this.#child = child
    this.#closed = once(child, 'close').then(([code]) => {
      this.#hasEnded = true
      this.#tell()
      return Number(code)
    })
  }

  /** All that was written to the terminal, what was typed included. */
  get text(): string {
    return this.#text
  }

  /** The exit status of the command: 128 + N when a signal ended it. */
  get ended(): Promise<number> {
    return this.#closed
  }

  type(keys: string): void {
    this.#child.stdin?.write(keys)
  }

  /** Resolves once what was written to the terminal is as wanted. Rejects when the command ends without. */
  async shown(isWanted: (text: string) => boolean): Promise<void> {
    while (!isWanted(this.#text)) {
      if (this.#hasEnded) throw new Error(`it ended without showing what was wanted:\n${this.#text}`)
      await this.#news.promise
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#hasEnded) this.#child.kill('SIGKILL')
    await this.#closed
  }

  #tell(): void {
    this.#news.resolve()
    this.#news = Promise.withResolvers()
  }
}

function quote(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`
}
