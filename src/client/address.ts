import { ErrandError } from '../core/errors.ts'

/** The one place that a client talks to. */
export interface NodeAddress {
  /** Of every request. */
  readonly origin: string
  readonly socketPath?: string
  /** As people write it. Holds no secret. */
  readonly text: string
}

/** What a request to a socket says in `Host`: the node knows that name for itself. */
const LOCAL_ORIGIN = 'http://localhost'

/** @throws validation_failed */
export function parseAddress(url: string): NodeAddress {
  const socketPath = /^unix:(?:\/\/)?(\/[^/].*)$/.exec(url)?.[1]
  if (socketPath !== undefined) return { origin: LOCAL_ORIGIN, socketPath, text: `unix://${socketPath}` }
  const parsed = URL.parse(url)
  if (parsed === null || !['http:', 'https:'].includes(parsed.protocol)) {
    throw wrong('must be unix:///PATH, http://HOST:PORT or https://HOST:PORT')
  }
  // A password in an address ends up in logs, and a path would be one of the node's own.
  if (parsed.username !== '' || parsed.password !== '') throw wrong('must hold no credentials: use token or tokenFile')
  if (`${parsed.pathname}${parsed.search}${parsed.hash}` !== '/') throw wrong('must end after host and port')
  return { origin: parsed.origin, text: parsed.origin }
}

function wrong(why: string): ErrandError {
  return new ErrandError('validation_failed', `url: ${why}`)
}
