import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Log } from '../core/log.ts'
import type { LogStream } from './extent.ts'
import type { LogEntry, LogRange } from './log-entry.ts'
import { TextFile } from './text-file.ts'

const NAMES = ['stdout.log', 'stderr.log'] as const

/** What the files are completed from. */
export interface CompleteLog {
  read(range: LogRange): AsyncIterable<LogEntry>
}

/**
 * `stdout.log` and `stderr.log` for people, in a results folder: the beginning while the task runs, the rest once it has
 * ended. A convenience: when they cannot be written, that is logged, and nothing else is the matter.
 */
export class HumanLogs {
  readonly #stdout: TextFile
  readonly #stderr: TextFile
  readonly #log: Log
  /** What is within this is kept by the log too, whatever follows. */
  #headRoom: number

  private constructor(stdout: TextFile, stderr: TextFile, headRoom: number, log: Log) {
    this.#stdout = stdout
    this.#stderr = stderr
    this.#headRoom = headRoom
    this.#log = log
  }

  /**
   * Makes both, in place of older ones, in a folder that no task can write to. `limitBytes`: what the log may keep; 0 for
   * a log that has begun already, of which nothing is written before the end.
   * @throws not_found without the folder; storage_full; storage_error
   */
  static async open(folder: string, limitBytes: number, log: Log): Promise<HumanLogs> {
    await HumanLogs.remove(folder, log)
    const stdout = await TextFile.create(join(folder, NAMES[0]))
    const stderr = await TextFile.create(join(folder, NAMES[1])).catch(async (error) => {
      await stdout.close()
      throw error
    })
    return new HumanLogs(stdout, stderr, Math.floor(limitBytes / 2), log)
  }

  /** Deletes what is there of both. Never fails. */
  static async remove(folder: string, log: Log): Promise<void> {
    for (const name of NAMES) {
      const file = join(folder, name)
      await rm(file, { force: true }).catch((error) => {
        log.warn({ file, error: String(error) }, 'a log file for people could not be removed')
      })
    }
  }

  /** Never waits. */
  append(stream: LogStream, data: Buffer): void {
    if (this.#headRoom === 0) return
    const fitting = data.subarray(0, this.#headRoom)
    this.#headRoom -= fitting.length
    this.#fileOf(stream).append(fitting)
  }

  /** Writes what is missing, of a log that has ended. Never fails. */
  async complete(log: CompleteLog): Promise<void> {
    for (const stream of ['stdout', 'stderr'] as const) {
      try {
        await this.#fileOf(stream).complete(log.read({ stream }))
      } catch (error) {
        this.#log.warn({ file: this.#fileOf(stream).path, error: String(error) }, 'a log file for people is incomplete')
        await this.#fileOf(stream).close()
      }
    }
  }

  /** Lets go of both, complete or not. Idempotent. */
  async close(): Promise<void> {
    await this.#stdout.close()
    await this.#stderr.close()
  }

  #fileOf(stream: LogStream): TextFile {
    return stream === 'stdout' ? this.#stdout : this.#stderr
  }
}
