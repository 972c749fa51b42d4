import { ErrandError } from '../core/errors.ts'
import { parseDuration } from '../util/quantity.ts'

// Values of flags, as they are written on a command line. What cannot be read is `validation_failed`, with the flag.

export function readNumber(flag: string, text: string): number {
  if (/^-?[0-9]+(\.[0-9]+)?$/.test(text)) return Number(text)
  throw malformed(flag, text, 'a number')
}

/** From 0 to 9,999,999. */
export function readWholeNumber(flag: string, text: string): number {
  if (/^[0-9]{1,7}$/.test(text)) return Number(text)
  throw malformed(flag, text, 'a whole number')
}

/** In milliseconds. */
export function readDuration(flag: string, text: string): number {
  const ms = parseDuration(text)
  if (ms !== undefined) return ms
  throw malformed(flag, text, 'a time such as 90s, 15m or 1h30m')
}

/** Of `NAME=VALUE`, the last of each name. */
export function readPairs(flag: string, texts: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    texts.map((text) => {
      const at = text.indexOf('=')
      if (at < 1) throw malformed(flag, text, 'NAME=VALUE')
      return [text.slice(0, at), text.slice(at + 1)]
    }),
  )
}

export function malformed(flag: string, text: string, wanted: string): ErrandError {
  return new ErrandError('validation_failed', `${flag} ${JSON.stringify(text)}: must be ${wanted}`)
}
