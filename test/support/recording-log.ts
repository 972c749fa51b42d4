import type { Log } from '../../src/core/log.ts'

export interface LogLine {
  readonly level: keyof Log
  readonly facts: Readonly<Record<string, unknown>>
  readonly message: string
}

/** Keeps what is logged. */
export class RecordingLog implements Log {
  readonly lines: LogLine[] = []

  debug(facts: object, message: string): void {
    this.#add('debug', facts, message)
  }

  info(facts: object, message: string): void {
    this.#add('info', facts, message)
  }

  warn(facts: object, message: string): void {
    this.#add('warn', facts, message)
  }

  error(facts: object, message: string): void {
    this.#add('error', facts, message)
  }

  /** The facts of every line with this message. */
  factsOf(message: string): Readonly<Record<string, unknown>>[] {
    return this.lines.filter((line) => line.message === message).map(({ facts }) => facts)
  }

  #add(level: keyof Log, facts: object, message: string): void {
    this.lines.push({ level, facts: { ...facts }, message })
  }
}
