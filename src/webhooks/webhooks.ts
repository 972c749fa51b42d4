import type { Clock } from '../core/clock.ts'
import { ErrandError } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import { sleep } from '../core/wait.ts'
import { abortable } from '../util/abort.ts'
import { BackgroundWork } from '../util/background-work.ts'
import { Backoff } from '../util/backoff.ts'
import { HostSlots } from './host-slots.ts'
import { signWebhook } from './sign-webhook.ts'
import type { WebhookMeter } from './webhook-meter.ts'
import type { WebhookPolicy } from './webhook-policy.ts'
import type { WebhookSender } from './webhook-sender.ts'

/** What became of an event in the end. Times are milliseconds since the Unix epoch. */
export type WebhookOutcome =
  | { readonly deliveredMs: number }
  | { readonly failedMs: number /** For its caller. */; readonly reason: string }

/** One event for one receiver. */
export interface WebhookDelivery {
  /** The same for every try, in whatever process, and for nothing else. */
  readonly id: string
  /** Whose it is: callers take turns. */
  readonly callerId: string
  readonly url: string
  /** When it happened, milliseconds since the Unix epoch: tries end some time after that. */
  readonly sinceMs: number
  /** What is sent, as it is now; undefined when nobody is to be told any more. */
  load(): Promise<object | undefined>
  /** Keeps the outcome, so that it is sent no more. */
  settle(outcome: WebhookOutcome): Promise<void>
}

/** What those who have something to tell need. */
export type WebhookOutlet = Pick<Webhooks, 'assertAllowed' | 'add' | 'settled'>

export interface WebhooksDeps {
  readonly policy: WebhookPolicy
  readonly sender: Pick<WebhookSender, 'post'>
  readonly secret: Buffer
  readonly clock: Clock
  readonly log: Log
  /** How long a receiver may be away, from the event on. */
  readonly giveUpAfterMs: number
  /** 0 to 1: spreads tries, so that receivers that come back are not asked by everybody at once. */
  readonly random: () => number
  readonly meter?: WebhookMeter | undefined
}

const SLOTS = { perHost: 4, perCaller: 32, all: 64 }
const FIRST_RETRY_MS = 1000
const MOST_RETRY_MS = 3_600_000
/** The receiver wants no more of them. */
const GONE = 410

/**
 * Tells receivers what has happened, at least once each: in this process until they have taken it, or for so long that it is
 * given up. What is outstanding is its owners' to keep, and to hand in again after a restart.
 */
export class Webhooks implements AsyncDisposable {
  readonly #deps: WebhooksDeps
  readonly #slots = new HostSlots(SLOTS)
  readonly #outstanding = new Map<string, Promise<void>>()
  readonly #background = new BackgroundWork()
  readonly #closing = new AbortController()

  constructor(deps: WebhooksDeps) {
    this.#deps = deps
  }

  /** How many are not settled yet. */
  get outstanding(): number {
    return this.#outstanding.size
  }

  /** @throws validation_failed, forbidden */
  assertAllowed(url: string): void {
    this.#deps.policy.assertAllowed(url)
  }

  /** Sends it until it is settled. One that is being sent already stays as it is. */
  add(delivery: WebhookDelivery): void {
    if (this.#closing.signal.aborted || this.#outstanding.has(delivery.id)) return
    const work = this.#deliver(delivery).finally(() => this.#outstanding.delete(delivery.id))
    this.#outstanding.set(delivery.id, work)
    this.#background.add(work)
  }

  /** Resolves when it is not being sent any more. @throws draining when this is closed before */
  async settled(id: string): Promise<void> {
    await abortable(this.#outstanding.get(id) ?? Promise.resolve(), this.#closing.signal)
  }

  /** What is outstanding stays so. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new ErrandError('draining', 'the node is stopping'))
    await this.#background.idle()
  }

  /** Never rejects. */
  async #deliver(delivery: WebhookDelivery): Promise<void> {
    try {
      await this.#untilSettled(delivery)
    } catch (error) {
      if (this.#closing.signal.aborted) return
      this.#deps.log.error({ err: error, webhook: delivery.id }, 'what became of a webhook could not be kept')
    }
  }

  async #untilSettled(delivery: WebhookDelivery): Promise<void> {
    const { clock, giveUpAfterMs, random, log } = this.#deps
    const backoff = new Backoff(FIRST_RETRY_MS, MOST_RETRY_MS)
    for (;;) {
      const failure = await this.#try(delivery)
      if (failure === undefined) return
      const delayMs = backoff.nextMs() * (0.5 + random() / 2)
      const nowMs = clock.wallMs()
      if (failure.isFinal || nowMs + delayMs > delivery.sinceMs + giveUpAfterMs) {
        const { reason } = failure
        log.warn({ webhook: delivery.id, tries: backoff.tries, reason }, 'a webhook was given up')
        await delivery.settle({ failedMs: nowMs, reason })
        this.#deps.meter?.settled('given_up')
        return
      }
      await sleep(clock, delayMs, this.#closing.signal)
    }
  }

  /** Undefined when nothing is left to do. @throws what `settle` and `load` throw; draining */
  async #try(delivery: WebhookDelivery): Promise<{ reason: string; isFinal: boolean } | undefined> {
    const { policy, clock } = this.#deps
    let url: URL
    try {
      // What was allowed when it was asked for may not be any more.
      url = policy.assertAllowed(delivery.url)
    } catch (error) {
      return { reason: ErrandError.from(error).message, isFinal: true }
    }
    using _slot = await this.#slots.take(url.host, delivery.callerId, this.#closing.signal)
    const event = await delivery.load()
    if (event === undefined) return undefined
    const outcome = await this.#post(delivery.id, url, JSON.stringify(event))
    if (outcome instanceof ErrandError) return { reason: outcome.message, isFinal: false }
    const isTaken = outcome >= 200 && outcome < 300
    if (!isTaken) return { reason: `the receiver answered ${outcome}`, isFinal: outcome === GONE }
    await delivery.settle({ deliveredMs: clock.wallMs() })
    this.#deps.meter?.settled('delivered')
    return undefined
  }

  /** The status that was answered, or why there is none. @throws draining */
  async #post(id: string, url: URL, body: string): Promise<number | ErrandError> {
    const { sender, secret, clock } = this.#deps
    const { signal } = this.#closing
    const headers = signWebhook(secret, id, Math.floor(clock.wallMs() / 1000), body)
    try {
      return await sender.post(url, headers, body, signal)
    } catch (error) {
      signal.throwIfAborted()
      return ErrandError.from(error)
    }
  }
}
