const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const UNKNOWN = '-'

const number = new Intl.NumberFormat('en', { maximumSignificantDigits: 3, useGrouping: false })
const relative = new Intl.RelativeTimeFormat('en', { numeric: 'always' })

/** `512 B`, `1.5 MiB`, `12.3 GiB`: three digits are enough to look at. `-` when nobody knows. */
export function formatBytes(bytes: number | undefined): string {
  if (bytes === undefined || !Number.isFinite(bytes)) return UNKNOWN
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']
  const isBigger = (step: number) => Math.abs(bytes) >= 1023.5 * 1024 ** step
  const step = units.findIndex((_, at) => at === units.length - 1 || !isBigger(at))
  const amount = bytes / 1024 ** step
  return `${Math.abs(amount) >= 1000 ? Math.round(amount) : number.format(amount)} ${units[step]}`
}

/** `87ms`, `1.25s`, `3m 12s`, `2h 5m`, `4d 7h`: two units at most, rounded down. `-` when nobody knows. */
export function formatDuration(ms: number | undefined): string {
  if (ms === undefined || !Number.isFinite(ms) || ms < 0) return UNKNOWN
  if (ms < SECOND) return `${Math.floor(ms)}ms`
  if (ms < 10 * SECOND) return `${number.format(Math.floor(ms / 10) / 100)}s`
  if (ms < MINUTE) return `${Math.floor(ms / SECOND)}s`
  if (ms < HOUR) return twoUnits(ms, MINUTE, 'm', SECOND, 's')
  if (ms < DAY) return twoUnits(ms, HOUR, 'h', MINUTE, 'm')
  return twoUnits(ms, DAY, 'd', HOUR, 'h')
}

function twoUnits(ms: number, big: number, bigName: string, small: number, smallName: string): string {
  const rest = Math.floor((ms % big) / small)
  return `${Math.floor(ms / big)}${bigName}${rest === 0 ? '' : ` ${rest}${smallName}`}`
}

/** `5 minutes ago`, `in 2 hours`, `now`. `-` when nobody knows. */
export function formatRelative(timeMs: number | undefined, nowMs: number): string {
  if (timeMs === undefined || !Number.isFinite(timeMs)) return UNKNOWN
  const distance = timeMs - nowMs
  const size = Math.abs(distance)
  if (size < SECOND) return 'now'
  if (size < MINUTE) return relative.format(Math.trunc(distance / SECOND), 'second')
  if (size < HOUR) return relative.format(Math.trunc(distance / MINUTE), 'minute')
  if (size < 2 * DAY) return relative.format(Math.trunc(distance / HOUR), 'hour')
  return relative.format(Math.trunc(distance / DAY), 'day')
}

/** `12.3%` of a share from 0 to 1; `-` when nobody knows. */
export function formatPercent(share: number | undefined): string {
  if (share === undefined || !Number.isFinite(share)) return UNKNOWN
  return `${number.format(share * 100)}%`
}

/** `1 file`, `2 files`. */
export function formatCount(count: number, what: string): string {
  return `${count} ${count === 1 ? what : `${what}s`}`
}

/** `0.5`, `2`: cores from thousandths. */
export function formatCores(millis: number): string {
  return number.format(millis / 1000)
}

/** The same with its unit: `0.5 cores`, `1 core`. */
export function formatCoreCount(millis: number): string {
  return `${formatCores(millis)} ${millis === 1000 ? 'core' : 'cores'}`
}
