import type { Clock } from '../core/clock.ts'
import { ErrandError } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import { sleep } from '../core/wait.ts'
import { BackgroundWork } from '../util/background-work.ts'
import { Backoff } from '../util/backoff.ts'

/** Whether an engine answers, as far as its last calls tell. */
export type EngineHealth =
  /** Calls go through. */
  | 'responsive'
  /** Several calls in a row had no answer: new ones are refused, and a trial is made from time to time. */
  | 'unresponsive'
  /** It has answered again: calls go through, but one without an answer is enough. */
  | 'recovering'

/** A call that was not made because the engine does not answer: other than after a lost answer, nothing has happened. */
export class EngineUnresponsive extends ErrandError {
  constructor(engine: string, retryAfterMs: number) {
    super('engine_unavailable', `the engine ${engine} does not answer; it is tried again from time to time`, {
      details: { engine: 'unresponsive' },
      retryAfterMs,
    })
  }
}

export interface EngineBreakerDeps {
  /** The engine's name, for people. */
  readonly name: string
  /** Any harmless call, which the engine answers soon or rejects by a deadline of its own. */
  readonly trial: (signal: AbortSignal) => Promise<unknown>
  readonly clock: Clock
  readonly log: Log
}

/** Calls in a row without an answer after which no more are made. */
const PATIENCE = 3
const FIRST_DELAY_MS = 200
const MOST_DELAY_MS = 10_000
/** Whoever gives up a call that took so long may have been right: the engine is tried. */
const SUSPICIOUS_MS = 5000

/**
 * Spares callers the wait for an engine that does not answer: opens after three calls in a row without an answer, tries
 * by itself in delays of 0.2 to 10 s, and lets calls through again once the engine has answered.
 */
export class EngineBreaker implements AsyncDisposable {
  readonly #deps: EngineBreakerDeps
  readonly #background = new BackgroundWork()
  readonly #closing = new AbortController()
  readonly #backoff = new Backoff(FIRST_DELAY_MS, MOST_DELAY_MS)
  #health: EngineHealth = 'responsive'
  #unanswered = 0
  #delayMs = 0
  #silentSinceMs = 0
  /** Aborts the trials of one time without answers. */
  #answered = new AbortController()
  #suspicion: Promise<void> | undefined

  constructor(deps: EngineBreakerDeps) {
    this.#deps = deps
  }

  get health(): EngineHealth {
    return this.#health
  }

  /** @throws EngineUnresponsive, with the time until the next trial at most */
  assertResponsive(): void {
    if (this.#health === 'unresponsive') throw new EngineUnresponsive(this.#deps.name, this.#delayMs)
  }

  /** Makes a call and learns from its end. A refusal is an answer. */
  async observe<T>(call: () => Promise<T>, signal: AbortSignal): Promise<T> {
    const { clock } = this.#deps
    const startedMs = clock.monotonicMs()
    try {
      const result = await call()
      this.#noteAnswer()
      return result
    } catch (error) {
      if (ErrandError.from(error).code === 'engine_unavailable') this.#noteSilence(error)
      else if (!signal.aborted) this.#noteAnswer()
      else if (clock.monotonicMs() - startedMs >= SUSPICIOUS_MS) this.#suspect()
      throw error
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new ErrandError('cancelled', 'the engine is closed'))
    await this.#background.idle()
  }

  #noteAnswer(): void {
    this.#unanswered = 0
    if (this.#health === 'responsive') return
    if (this.#health === 'recovering') {
      this.#backoff.reset()
      this.#health = 'responsive'
      return
    }
    const { clock, log } = this.#deps
    const silentMs = Math.round(clock.monotonicMs() - this.#silentSinceMs)
    this.#health = 'recovering'
    this.#answered.abort(new ErrandError('cancelled', 'the engine has answered'))
    log.info({ engine: 'responsive', silentMs }, 'the engine answers again')
  }

  #noteSilence(error: unknown): void {
    this.#unanswered += 1
    const isEnough = this.#unanswered >= PATIENCE || this.#health === 'recovering'
    if (!isEnough || this.#health === 'unresponsive' || this.#closing.signal.aborted) return
    const { clock, log } = this.#deps
    this.#health = 'unresponsive'
    this.#silentSinceMs = clock.monotonicMs()
    this.#answered = new AbortController()
    log.warn(
      { engine: 'unresponsive', err: error, calls: this.#unanswered },
      'the engine does not answer: new tasks are refused until it does, running ones go on',
    )
    this.#background.add(this.#tryUntilAnswered(AbortSignal.any([this.#closing.signal, this.#answered.signal])))
  }

  async #tryUntilAnswered(signal: AbortSignal): Promise<void> {
    const { clock, log, trial } = this.#deps
    while (!signal.aborted) {
      this.#delayMs = this.#backoff.nextMs()
      try {
        await sleep(clock, this.#delayMs, signal)
        await trial(signal)
        this.#noteAnswer()
      } catch (error) {
        if (!signal.aborted) log.debug({ err: error, tries: this.#backoff.tries }, 'the engine still does not answer')
      }
    }
  }

  /** Callers with less patience than the engine's own deadlines must not hide that it is stuck. */
  #suspect(): void {
    if (this.#health === 'unresponsive' || this.#suspicion !== undefined) return
    const { signal } = this.#closing
    this.#suspicion = this.observe(() => this.#deps.trial(signal), signal)
      .then(
        () => {},
        () => {},
      )
      .finally(() => {
        this.#suspicion = undefined
      })
    this.#background.add(this.#suspicion)
  }
}
