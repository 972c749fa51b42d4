import { lookup } from 'node:dns/promises'
import { once } from 'node:events'
import type { ClientRequest, IncomingMessage, RequestOptions } from 'node:http'
import { request as requestHttps } from 'node:https'
import { isIP, type LookupFunction } from 'node:net'
import { finished } from 'node:stream/promises'
import type { Clock } from '../core/clock.ts'
import { ErrandError } from '../core/errors.ts'
import { Deadline } from '../core/wait.ts'
import { abortable } from '../util/abort.ts'
import { http } from '../util/node-http.ts'
import type { AddressGuard } from './address-guard.ts'

interface ResolvedAddress {
  readonly address: string
  readonly family: number
}

/** All addresses of a name. */
export type ResolveName = (hostName: string) => Promise<readonly ResolvedAddress[]>

export interface WebhookSenderDeps {
  readonly guard: AddressGuard
  readonly clock: Clock
  /** From the look-up to the end of the answer. */
  readonly timeoutMs: number
  readonly userAgent: string
  /** Default: the resolver of this host. */
  readonly resolve?: ResolveName
  /** Certificate authorities in place of the usual ones. */
  readonly ca?: string
}

/** What an answer may say beyond its status is of no interest; a receiver that says more is cut off. */
const MOST_ANSWER_BYTES = 64 * 1024
const MOST_HEADER_BYTES = 16 * 1024

const resolveByHost: ResolveName = (hostName) => lookup(hostName, { all: true })

/** Posts to receivers that callers name: to the address that was looked at and to no other, following nothing. */
export class WebhookSender {
  readonly #deps: WebhookSenderDeps

  constructor(deps: WebhookSenderDeps) {
    this.#deps = deps
  }

  /**
   * Resolves with the status of the answer.
   * @throws forbidden for an address that is not public; deadline_exceeded; network_unavailable; signal.reason
   */
  async post(url: URL, headers: Readonly<Record<string, string>>, body: string, signal: AbortSignal): Promise<number> {
    const { clock, timeoutMs, userAgent, ca } = this.#deps
    const tooSlow = (): ErrandError => new ErrandError('deadline_exceeded', `no answer within ${timeoutMs} ms`)
    using deadline = new Deadline(clock, timeoutMs, tooSlow, signal)
    try {
      const address = await abortable(this.#resolve(url.hostname), deadline.signal)
      const options: RequestOptions = {
        method: 'POST',
        agent: false,
        lookup: pinnedTo(address),
        maxHeaderSize: MOST_HEADER_BYTES,
        signal: deadline.signal,
        headers: {
          ...headers,
          'user-agent': userAgent,
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(body),
        },
      }
      const request = url.protocol === 'https:' ? requestHttps(url, { ...options, ca }) : http.request(url, options)
      return await statusOf(request.end(body))
    } catch (error) {
      deadline.signal.throwIfAborted()
      throw unreachable(error)
    }
  }

  /** Once: what is connected to is what was looked at. One address that is not allowed makes the name suspect as a whole. */
  async #resolve(hostName: string): Promise<ResolvedAddress> {
    const literal = hostName.replace(/^\[(.*)\]$/, '$1')
    const family = isIP(literal)
    const { resolve = resolveByHost, guard } = this.#deps
    const addresses = family === 0 ? await resolve(hostName) : [{ address: literal, family }]
    const [first] = addresses
    if (first !== undefined && addresses.every(({ address }) => guard.allows(address))) return first
    throw new ErrandError('forbidden', 'the receiver has no address that may be connected to')
  }
}

function pinnedTo({ address, family }: ResolvedAddress): LookupFunction {
  return (_hostName, { all = false }, callback) => {
    if (all) callback(null, [{ address, family }])
    else callback(null, address, family)
  }
}

async function statusOf(request: ClientRequest): Promise<number> {
  // Once there is an answer, what breaks the connection is told by that, and sometimes by the request as well.
  request.on('error', () => {})
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  let left = MOST_ANSWER_BYTES
  response.on('data', (chunk: Buffer) => {
    left -= chunk.length
    if (left < 0) response.destroy()
  })
  // Whatever becomes of the rest, the receiver has answered.
  await finished(response).catch(() => {})
  return response.statusCode ?? 0
}

/** Nothing of what a resolver or a server says gets to callers: only which kind of failure it was. */
function unreachable(error: unknown): ErrandError {
  if (error instanceof ErrandError) return error
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
  return new ErrandError('network_unavailable', `the receiver could not be asked: ${code}`, { cause: error })
}
