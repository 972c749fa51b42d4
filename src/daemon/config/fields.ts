import { z } from 'zod'
import { parseCores, parseMebibytes } from '../../core/resources.ts'
import type { Readiness } from '../../core/task.ts'
import { canonicalIp } from '../../util/ip-address.ts'
import { LONGEST_DELAY_MS, parseBytes, parseMinutes } from '../../util/quantity.ts'

/** Makes zod say `must be WHAT, not VALUE` for whatever is wrong with a value. */
export function must(what: string): { error: (issue: { readonly input?: unknown }) => string } {
  return { error: ({ input }) => `must be ${what}${input === undefined ? '; it is missing' : `, not ${show(input)}`}` }
}

function show(value: unknown): string {
  if (value === null) return 'nothing'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object') return 'a mapping'
  const text = typeof value === 'number' ? String(value) : JSON.stringify(value) // JSON has no NaN and no Infinity
  return text.length <= 80 ? text : `${text.slice(0, 80)}...`
}

/** `type` checks what was written; `read` turns it into inside units, undefined meaning that it cannot. */
function converted<Raw, Value>(
  type: z.ZodType<Raw>,
  what: string,
  read: (raw: Raw) => Value | undefined,
): z.ZodType<Value> {
  return type.transform((raw, context) => {
    const value = read(raw)
    if (value !== undefined) return value
    context.addIssue({ code: 'custom', message: must(what).error({ input: raw }) })
    return z.NEVER
  })
}

const CORES = 'a number of cores from 0.1 up, in steps of 0.1'
export const cores: z.ZodType<number> = converted(z.number(must(CORES)), CORES, (raw) => attempt(parseCores, raw))

const MEBIBYTES = 'a whole number of MB from 6 up'
export const mebibytes: z.ZodType<number> = converted(z.number(must(MEBIBYTES)), MEBIBYTES, (raw) =>
  attempt(parseMebibytes, raw),
)

function attempt(parse: (raw: number) => number, raw: number): number | undefined {
  try {
    return parse(raw)
  } catch {
    return undefined
  }
}

const MINUTES = 'a number of minutes above 0 and below 35791'
export const minutes: z.ZodType<number> = converted(z.number(must(MINUTES)), MINUTES, parseMinutes)

export const millis: z.ZodType<number> = wholeNumber(1, LONGEST_DELAY_MS, 'a whole number of milliseconds')

export function wholeNumber(least: number, most: number, what = 'a whole number'): z.ZodType<number> {
  const error = must(`${what} from ${least} to ${most}`)
  return z.int(error).min(least, error).max(most, error)
}

/** A body is held in memory: more than this cannot be one string or buffer. */
const MOST_BODY_BYTES = 2 ** 29

const SIZE = 'a number of bytes or a size such as 16MiB, from 1 to 512MiB'
export const bodyBytes: z.ZodType<number> = converted(z.union([z.number(), z.string()], must(SIZE)), SIZE, (raw) => {
  const bytes = parseBytes(raw)
  return bytes !== undefined && bytes >= 1 && bytes <= MOST_BODY_BYTES ? bytes : undefined
})

const DISK_SIZE = 'a number of bytes or a size such as 5GiB'
export const diskBytes: z.ZodType<number> = converted(
  z.union([z.number(), z.string()], must(DISK_SIZE)),
  DISK_SIZE,
  parseBytes,
)

/** A size, or a word in its place, which becomes undefined. */
export function diskBytesOr(word: string): z.ZodType<number | undefined> {
  const what = `${DISK_SIZE}, or ${word}`
  return z.union([z.literal(word).transform(() => undefined), diskBytes], must(what))
}

const LEAST_DISK_BYTES = 2 ** 20

/** What every image writes by itself as it starts has to fit in. */
const DISK_LIMIT = 'a number of bytes or a size such as 10GiB, from 1MiB up'
export const diskLimit: z.ZodType<number> = converted(
  z.union([z.number(), z.string()], must(DISK_LIMIT)),
  DISK_LIMIT,
  (raw) => {
    const bytes = parseBytes(raw)
    return bytes !== undefined && bytes >= LEAST_DISK_BYTES ? bytes : undefined
  },
)

const CONCURRENCY = 'a whole number from 1 up or "unlimited"'
export const concurrency: z.ZodType<number> = converted(
  z.union([z.int().min(1, must(CONCURRENCY)), z.literal('unlimited')], must(CONCURRENCY)),
  CONCURRENCY,
  (raw) => (raw === 'unlimited' ? Number.POSITIVE_INFINITY : raw),
)

export function listOf(what: string, item: string, pattern: RegExp): z.ZodType<string[]> {
  return z.array(z.string(must(item)).regex(pattern, must(item)).toLowerCase(), must(`a list of ${what}`))
}

export const flag: z.ZodType<boolean> = z.boolean(must('true or false'))

export function oneOf<const Names extends readonly string[]>(...names: Names): z.ZodType<Names[number]> {
  return z.enum(names, must(names.length === 1 ? `${names[0]}` : `one of ${names.join(', ')}`))
}

export function text(what: string, pattern: RegExp): z.ZodType<string> {
  return z.string(must(what)).regex(pattern, must(what))
}

/** An empty text says that there is none. */
export function optionalText(what: string, pattern: RegExp): z.ZodType<string | undefined> {
  const error = must(`${what}, or "" for none`)
  return z
    .union([z.literal(''), z.string(error).regex(pattern, error)], error)
    .transform((raw) => (raw === '' ? undefined : raw))
}

const ABSOLUTE_PATH = /^\/[^\0]*$/

export const absolutePath: z.ZodType<string> = text('an absolute path', ABSOLUTE_PATH)

/** The kernel takes 108 bytes, the closing zero included. */
export const MOST_SOCKET_PATH_BYTES = 107

/** The socket of the command line, in `runDir`. */
export function socketIn(runDir: string): string {
  return `${runDir.replace(/(?<!\/)\/+$/, '')}/errand.sock`
}

export const socketFolder: z.ZodType<string> = absolutePath.refine(
  (path) => Buffer.byteLength(socketIn(path)) <= MOST_SOCKET_PATH_BYTES,
  must(`a path so short that with /errand.sock it has at most ${MOST_SOCKET_PATH_BYTES} bytes`),
)

const IP_ADDRESS = 'an IP address'
export const ipAddress: z.ZodType<string> = converted(z.string(must(IP_ADDRESS)), IP_ADDRESS, canonicalIp)

const READINESS = 'mark, connect or http:PATH'
export const readiness: z.ZodType<Exclude<Readiness, { kind: 'mark' }> | { readonly kind: 'mark' }> = converted(
  z.string(must(READINESS)),
  READINESS,
  (raw) => {
    if (raw === 'mark' || raw === 'connect') return { kind: raw }
    return /^http:\/[!-~]*$/.test(raw) ? { kind: 'http', path: raw.slice('http:'.length) } : undefined
  },
)

const COLLECTOR = 'an http or https URL without a user, a query and a fragment, or "" for none'

/** Where a URL has no path, spans go to the usual one. */
export const collectorUrl: z.ZodType<string | undefined> = z.string(must(COLLECTOR)).transform((raw, context) => {
  if (raw === '') return undefined
  const url = URL.parse(raw)
  const isPlain = url !== null && /^https?:$/.test(url.protocol) && `${url.username}${url.password}` === ''
  if (isPlain && !/[?#]/.test(raw)) return url.pathname === '/' ? new URL('/v1/traces', url).href : url.href
  context.addIssue({ code: 'custom', message: must(COLLECTOR).error({ input: raw }) })
  return z.NEVER
})
