import { ErrandError, HTTP_STATUS } from '../core/errors.ts'
import { sleep } from '../core/wait.ts'
import { Backoff } from '../util/backoff.ts'
import type { ClientDeps } from './options.ts'

const FIRST_MS = 100
const MOST_MS = 5000
/** Whatever a node says: longer than this nobody is put off. */
const MOST_PUT_OFF_MS = 60_000
/** Of a delay that a node named, so that those whom it named it to do not all come at once. */
const PUT_OFF_JITTER = 0.2

/** How long one call is asked again for causes that pass. */
export class RetryPatience {
  readonly #deps: ClientDeps
  readonly #thenMs: number
  readonly #backoff = new Backoff(FIRST_MS, MOST_MS)
  #mostMs: number
  /** When it began to fail without an answer in between. */
  #failingSinceMs: number | undefined

  /** Lasts `mostMs` until the first answer, and `thenMs` after each. */
  constructor(deps: ClientDeps, mostMs: number, thenMs: number = mostMs) {
    this.#deps = deps
    this.#mostMs = mostMs
    this.#thenMs = thenMs
  }

  /** The node has answered. */
  renew(): void {
    this.extend()
    this.startOver()
  }

  /** It has begun to answer, which may come to nothing: delays go on growing. */
  extend(): void {
    this.#mostMs = this.#thenMs
  }

  /** The node was there, and has not answered yet: it begins to fail now. */
  startOver(): void {
    this.#failingSinceMs = undefined
    this.#backoff.reset()
  }

  /** Resolves when it is time to ask again. @throws `error`, when that would not help or lasts too long; signal.reason */
  async again(error: unknown, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    if (!(error instanceof ErrandError) || !isPassing(error)) throw error
    const { clock } = this.#deps
    const nowMs = clock.monotonicMs()
    this.#failingSinceMs ??= nowMs
    const delayMs = this.#delayMs(error)
    if (nowMs + delayMs - this.#failingSinceMs > this.#mostMs) throw error
    await sleep(clock, delayMs, signal)
  }

  #delayMs({ retryAfterMs }: ErrandError): number {
    const share = this.#deps.random()
    if (retryAfterMs === undefined) return this.#backoff.nextMs() * (0.5 + share / 2)
    return Math.min(MOST_PUT_OFF_MS, retryAfterMs * (1 + share * PUT_OFF_JITTER))
  }
}

/** A connection that failed, or a refusal for now that took no effect. */
function isPassing({ code, retryAfterMs }: ErrandError): boolean {
  return code === 'node_unavailable' || (retryAfterMs !== undefined && [429, 503].includes(HTTP_STATUS[code]))
}
