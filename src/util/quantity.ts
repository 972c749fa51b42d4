const UNITS = new Map([
  ['', 1],
  ['b', 1],
  ['kib', 1024],
  ['mib', 1024 ** 2],
  ['gib', 1024 ** 3],
  ['tib', 1024 ** 4],
  ['kb', 1000],
  ['mb', 1000 ** 2],
  ['gb', 1000 ** 3],
  ['tb', 1000 ** 4],
])

/**
 * Bytes from a whole number or a text such as `16MiB`, `1.5 GiB`, `500kB` (1000) or `4096`; undefined for anything
 * else, fractions of a byte and negative sizes included.
 */
export function parseBytes(size: number | string): number | undefined {
  const bytes = typeof size === 'number' ? size : parseSizeText(size)
  return bytes !== undefined && Number.isSafeInteger(bytes) && bytes >= 0 ? bytes : undefined
}

function parseSizeText(text: string): number | undefined {
  const [, amount, unit] = /^(\d{1,16}(?:\.\d{1,3})?) ?([a-z]{0,3})$/i.exec(text.trim()) ?? []
  const factor = unit === undefined ? undefined : UNITS.get(unit.toLowerCase())
  return amount === undefined || factor === undefined ? undefined : Number(amount) * factor
}

const DURATION_UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** Milliseconds from a text such as `500ms`, `90s`, `1.5h` or `1h30m`, units from large to small; undefined for others. */
export function parseDuration(text: string): number | undefined {
  if (!/^(?:\d{1,9}(?:\.\d{1,3})?(?:ms|s|m|h|d)){1,5}$/.test(text)) return undefined
  const parts = [...text.matchAll(/([\d.]{1,13})(ms|s|m|h|d)/g)].map(([, amount, unit = '']) => ({
    factor: DURATION_UNITS[unit] ?? 0,
    amount: Number(amount),
  }))
  const isOrdered = parts.every(({ factor }, at) => at === 0 || factor < (parts[at - 1]?.factor ?? 0))
  return isOrdered ? Math.round(parts.reduce((sum, { amount, factor }) => sum + amount * factor, 0)) : undefined
}

/** The longest delay that a timer of the platform can wait: 2^31 - 1 ms, almost 25 days. */
export const LONGEST_DELAY_MS = 2_147_483_647

/** Whole milliseconds from a possibly fractional number of minutes above 0; undefined when no timer can wait so long. */
export function parseMinutes(minutes: number): number | undefined {
  const delayMs = Math.max(1, Math.round(minutes * 60_000))
  return minutes > 0 && delayMs <= LONGEST_DELAY_MS ? delayMs : undefined
}
