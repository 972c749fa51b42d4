import { ErrandError } from '../core/errors.ts'

/** One kind of receiver that the operator allows. */
export interface WebhookRule {
  /** As it is written, in small letters: each `*` is one character or more of one part of the name. */
  readonly host: string
  /** Undefined for the usual one of its scheme. */
  readonly port: string | undefined
  /** Without TLS. */
  readonly isHttp: boolean
}

const RULE = /^(?:(https?):\/\/)?(\[[0-9a-f:.]{2,45}\]|[a-z0-9*](?:[a-z0-9*.-]{0,252}))(?::([0-9]{1,5}))?$/
const MOST_URL = 2048

/** `hooks.example.org`, `*.example.org:8443`, `http://ci.lan`: a star stands for one part of a name. Undefined for none. */
export function parseWebhookRule(text: string): WebhookRule | undefined {
  const [, scheme, host, port] = RULE.exec(text.toLowerCase()) ?? []
  if (host === undefined) return undefined
  return { host, port, isHttp: scheme === 'http' }
}

/** Where the events of callers may be sent. */
export class WebhookPolicy {
  readonly #rules: readonly WebhookRule[]

  constructor(rules: readonly WebhookRule[]) {
    this.#rules = rules
  }

  /** @throws validation_failed for what is no plain URL of HTTP; forbidden for a receiver that the operator does not allow */
  assertAllowed(text: string): URL {
    const url = text.length <= MOST_URL ? URL.parse(text) : null
    if (url === null || !/^https?:$/.test(url.protocol)) {
      throw new ErrandError('validation_failed', 'webhook: must be an http or https URL')
    }
    if (`${url.username}${url.password}${url.hash}` !== '' || text.includes('#')) {
      throw new ErrandError('validation_failed', 'webhook: must have neither a user, nor a password, nor a fragment')
    }
    if (this.#rules.some((rule) => fits(rule, url))) return url
    throw new ErrandError(
      'forbidden',
      `webhook: this node sends nothing to ${url.host} by ${url.protocol.slice(0, -1)}`,
    )
  }
}

function fits({ host, port, isHttp }: WebhookRule, url: URL): boolean {
  const isOfScheme = url.protocol === 'https:' || isHttp
  // A URL leaves the usual port of its scheme out.
  const asked = url.port === '' ? defaultPort(url) : url.port
  return isOfScheme && fitsHost(host, url.hostname) && asked === (port ?? defaultPort(url))
}

function fitsHost(host: string, name: string): boolean {
  // An address is no name with parts.
  if (name.startsWith('[')) return host === name
  const [wanted, given] = [host.split('.'), name.split('.')]
  return wanted.length === given.length && wanted.every((part, index) => fitsPart(part.split('*'), given[index] ?? ''))
}

/** Whether `text` is these pieces with something between each two of them. The first place that fits leaves the most. */
function fitsPart([first = '', ...rest]: readonly string[], text: string): boolean {
  if (!text.startsWith(first)) return false
  const last = rest.pop()
  if (last === undefined) return text === first
  let from = first.length + 1
  for (const piece of rest) {
    const at = text.indexOf(piece, from)
    if (at === -1) return false
    from = at + piece.length + 1
  }
  return text.endsWith(last) && text.length - last.length >= from
}

function defaultPort({ protocol }: URL): string {
  return protocol === 'https:' ? '443' : '80'
}
