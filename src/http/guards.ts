import type { IncomingMessage } from 'node:http'
import { HostAllowList } from './host-allow-list.ts'
import { type Refusal, refusal } from './refusal.ts'

export interface GuardOptions {
  /** A unix socket is out of a browser's reach: only what makes a request ambiguous is checked there. */
  readonly isTcp: boolean
  readonly allowedHosts: readonly string[]
}

/** What the guard reads of the headers. */
interface Seen {
  hosts: number
  host: string
  origin: string | undefined
  site: string | undefined
  contentType: string | undefined
  isEncoded: boolean
  isTransferEncoded: boolean
  hasBody: boolean
}

const TWO_HOSTS = refusal(400, 'one Host header is needed, and only one')
const BAD_TARGET = refusal(400, 'the request target must be a path')
const ENCODED = refusal(415, 'compressed request bodies are not taken')
const NOT_JSON = refusal(415, 'from a browser the content type must be application/json')
const FOREIGN_HOST = refusal(421, 'this listener does not answer to that Host; see allowedHosts')
const FOREIGN_ORIGIN = refusal(403, 'requests from pages of another origin are refused')

const JSON_TYPE = /^application\/json[ \t]*(?:;|$)/i

/**
 * Refuses what no honest client of ours sends, before anything is parsed: forged hosts, other origins' pages, encoded
 * bodies, and the ambiguities that Node lets pass (two Host headers, an absolute target). Made once per listener.
 */
export class RequestGuard {
  readonly #hosts: HostAllowList | undefined

  constructor(options: GuardOptions) {
    this.#hosts = options.isTcp ? new HostAllowList(options.allowedHosts) : undefined
  }

  /**
   * Why the request must be refused; undefined when it may go on. `isPassedThrough`: its body is not ours to read, so that
   * it may be whatever it is.
   */
  check(request: IncomingMessage, isPassedThrough = false): Refusal | undefined {
    const seen = readHeaders(request.rawHeaders)
    if (request.url?.charCodeAt(0) !== 0x2f) return BAD_TARGET
    if (seen.hosts > 1) return TWO_HOSTS
    if (seen.isTransferEncoded || (seen.isEncoded && seen.hasBody && !isPassedThrough)) return ENCODED
    return this.#hosts === undefined ? undefined : checkReach(seen, this.#hosts)
  }
}

function checkReach(seen: Seen, hosts: HostAllowList): Refusal | undefined {
  if (seen.hosts === 0) return TWO_HOSTS
  if (!hosts.allows(seen.host)) return FOREIGN_HOST
  if (seen.site === 'cross-site') return FOREIGN_ORIGIN
  if (seen.origin === undefined) return undefined
  if (!isSameOrigin(seen.origin.toLowerCase(), seen.host.toLowerCase())) return FOREIGN_ORIGIN
  return seen.hasBody && !JSON_TYPE.test(seen.contentType ?? '') ? NOT_JSON : undefined
}

function isSameOrigin(origin: string, host: string): boolean {
  return origin === `http://${host}` || origin === `https://${host}`
}

/** Reads names and values as they came, since Node's parsed headers hide duplicates. Most names are skipped by length. */
function readHeaders(raw: readonly string[]): Seen {
  const seen: Seen = {
    hosts: 0,
    host: '',
    origin: undefined,
    site: undefined,
    contentType: undefined,
    isEncoded: false,
    isTransferEncoded: false,
    hasBody: false,
  }
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const length = raw[i]?.length ?? 0
    if (length === 4 || length === 6 || (length >= 12 && length <= 17)) readHeader(seen, raw[i] ?? '', raw[i + 1] ?? '')
  }
  return seen
}

function readHeader(seen: Seen, name: string, value: string): void {
  switch (name.toLowerCase()) {
    case 'host':
      seen.hosts += 1
      seen.host = value
      break
    case 'origin':
      seen.origin = seen.origin === undefined ? value : 'null'
      break
    case 'sec-fetch-site':
      seen.site = seen.site === undefined ? value : 'cross-site'
      break
    case 'content-type':
      seen.contentType ??= value
      break
    case 'content-encoding':
      seen.isEncoded ||= value.toLowerCase() !== 'identity'
      break
    case 'content-length':
      seen.hasBody ||= value !== '0'
      break
    case 'transfer-encoding':
      seen.hasBody = true
      // `gzip, chunked`: Node would take off the chunks alone.
      seen.isTransferEncoded ||= value.toLowerCase() !== 'chunked'
      break
  }
}
