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

/**
 * The daemon's log: lines for people on a terminal, JSON lines elsewhere. What a pipe has not taken yet is written
 * when the process exits by itself.
 */
export function openLog(level: LogLevel, target: LogTarget = process.stderr): Log {
  const options = { level, base: null, timestamp: pino.stdTimeFunctions.isoTime }
  if (target.isTTY === true) {
    return pino(options, pretty({ destination: target.fd, sync: true, colorize: target.hasColors?.() ?? false }))
  }
  const destination = pino.destination({ dest: target.fd, sync: false, minLength: 0, maxLength: MOST_BUFFERED_BYTES })
  return pino(options, destination)
}
