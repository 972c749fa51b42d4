import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { promisify } from 'node:util'

const execute = promisify(execFile)
const TIMEOUT_MS = 300_000

export interface CommandOptions {
  readonly cwd?: string
}

/** Runs a program to its end and returns what it printed; rejects with its stderr when it fails. Nothing goes through a shell. */
export async function run(program: string, args: readonly string[], options: CommandOptions = {}): Promise<string> {
  const { stdout } = await execute(program, args, { ...options, timeout: TIMEOUT_MS, maxBuffer: 16 * 1024 * 1024 })
  return stdout.trimEnd()
}

/** Runs `source | sink` to the end of both. */
export async function pipe(source: readonly string[], sink: readonly string[]): Promise<void> {
  const [from = '', ...fromArgs] = source
  const [to = '', ...toArgs] = sink
  const writer = spawn(from, fromArgs, { stdio: ['ignore', 'pipe', 'inherit'], timeout: TIMEOUT_MS })
  const reader = spawn(to, toArgs, { stdio: [writer.stdout, 'ignore', 'inherit'], timeout: TIMEOUT_MS })
  writer.stdout.destroy() // ours only: the reader has its own, and the writer must notice when that one closes
  const codes = await Promise.all([once(writer, 'exit'), once(reader, 'exit')])
  if (codes.some(([code]) => code !== 0)) throw new Error(`${source.join(' ')} | ${sink.join(' ')} failed`)
}

/**
 * Waits until no other process holds the lock file, whose folder is made when it is not there. Disposing releases it; so does the end of this process, whatever its
 * cause, because the holder's input then ends.
 */
export async function lock(file: string): Promise<AsyncDisposable> {
  await mkdir(dirname(file), { recursive: true })
  const holder = spawn('flock', [file, 'sh', '-c', 'echo held; cat'], { stdio: ['pipe', 'pipe', 'inherit'] })
  const ended = once(holder, 'exit')
  const held = await Promise.race([once(holder.stdout, 'data').then(() => true), ended.then(() => false)])
  if (!held) throw new Error(`flock could not lock ${file}`)
  return {
    async [Symbol.asyncDispose]() {
      holder.stdin.end()
      await ended
    },
  }
}
