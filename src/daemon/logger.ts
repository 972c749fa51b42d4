import { pino } from 'pino'
import { build as pretty } from 'pino-pretty'
import type { Log } from '../core/log.ts'
import type { LogLevel } from './config/config.ts'

/** A reader that stalls must not stop the daemon: beyond this, lines are dropped. */
const MOST_BUFFERED_BYTES = 8 * 1024 * 1024

/** Where a log goes: a file descriptor, and what is behind it. */
export interface LogTarget {
  readonly fd: number
  readonly isTTY?: boolean
  /** Says no where NO_COLOR is set; absent when this is no terminal. */
  hasColors?(): boolean
}

/** Makes text of strangers safe for a terminal: in names and values, and in what may have lines. */
export type Neutralize = (text: string, options: { readonly lines: boolean }) => string

/** Controls that JSON leaves as they are, and formats that turn or hide what is written: terminals heed both. */
const UNESCAPED = /[\x7f-\x9f\p{Cf}\p{Zl}\p{Zp}]/gu

/**
 * The daemon's log: lines for people on a terminal, JSON lines elsewhere. What a pipe has not taken yet is written
 * when the process exits by itself. No terminal on which either is shown obeys what strangers have written.
 */
export function openLog(level: LogLevel, neutralize: Neutralize, target: LogTarget = process.stderr): Log {
  const options = { level, base: null, timestamp: pino.stdTimeFunctions.isoTime }
  if (target.isTTY === true) {
    const lines = pretty({ destination: target.fd, sync: true, colorize: target.hasColors?.() ?? false })
    return pino(options, { write: (line) => lines.write(`${JSON.stringify(shown(JSON.parse(line), neutralize))}\n`) })
  }
  const destination = pino.destination({ dest: target.fd, sync: false, minLength: 0, maxLength: MOST_BUFFERED_BYTES })
  return pino(options, { write: (line) => destination.write(line.replace(UNESCAPED, escaped)) })
}

function escaped(character: string): string {
  return character
    .split('')
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .join('')
}

/** The same with every text made safe. Where an error happened is told in lines. */
function shown(value: unknown, neutralize: Neutralize, key = ''): unknown {
  if (typeof value === 'string') return neutralize(value, { lines: key === 'stack' })
  if (Array.isArray(value)) return value.map((item) => shown(item, neutralize))
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value)
  return Object.fromEntries(
    entries.map(([name, inner]) => [neutralize(name, { lines: false }), shown(inner, neutralize, name)]),
  )
}
