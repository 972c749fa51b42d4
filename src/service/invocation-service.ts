import { Cancellation } from '../core/cancellation.ts'
import type { Clock } from '../core/clock.ts'
import { Deadlines } from '../core/deadlines.ts'
import { ErrandError, type ErrorCode } from '../core/errors.ts'
import { taskKey } from '../core/task.ts'
import { Deadline } from '../core/wait.ts'
import { type ExchangeDeps, exchange, type Unsent } from '../forward/exchange.ts'
import { diedError } from '../instance/exit-errors.ts'
import type { Instance } from '../instance/instance.ts'
import { abortable } from '../util/abort.ts'
import type { ByteBudget } from '../util/byte-budget.ts'
import { isProcessAlive } from '../util/process-alive.ts'
import type { Pool } from '../warm/pool.ts'
import type { Turn } from '../warm/turn.ts'
import type { Gate } from './gate.ts'
import type { Invocation, TaskAnswer } from './node-api.ts'

export interface InvocationServiceDeps {
  readonly pool: Pool
  readonly gate: Gate
  readonly clock: Clock
  /** From acceptance to the last byte, waiting and starting included. */
  readonly requestTimeoutMs: number
  readonly maxResponseBytes: number
  /** What answers that are being gathered may hold together. */
  readonly answerMemory: ByteBudget
}

/** Failures for which the instance cannot be blamed: it was not given the time, or this host had no connection for it. */
const NOT_ITS_FAULT: ReadonlySet<ErrorCode> = new Set(['cancelled', 'draining', 'resources_exhausted'])

/** How long after a cut connection the news of the task's end may take. */
const EXIT_NEWS_MS = 500
/** The same where its process has ended, but a busy engine has not said so. */
const LATE_EXIT_NEWS_MS = 5000

/** Answers requests with warm instances. The warm path makes no engine call, no look-up, no file access and no timer. */
export class InvocationService {
  readonly #deps: InvocationServiceDeps
  readonly #deadlines: Deadlines
  readonly #inFlight = new Set<Cancellation>()
  readonly #exchanges: ExchangeDeps

  constructor(deps: InvocationServiceDeps) {
    this.#deps = deps
    this.#deadlines = new Deadlines(deps.clock)
    const { maxResponseBytes, clock, answerMemory } = deps
    this.#exchanges = { maxResponseBytes, clock, deadlines: this.#deadlines, memory: answerMemory }
  }

  /** @throws everything that keeps the task from answering; see `NodeApi.invoke` */
  async invoke(invocation: Invocation, cancellation: Cancellation): Promise<TaskAnswer> {
    const { gate, pool, requestTimeoutMs } = this.#deps
    gate.enter()
    this.#inFlight.add(cancellation)
    const deadline = this.#deadlines.arm(requestTimeoutMs, () => cancellation.cancel(this.#tooLate()))
    try {
      const { caller, task } = invocation
      const key = taskKey(caller, task)
      let outcome = await this.#ask(await pool.lend(key, task, cancellation), invocation, cancellation)
      if ('unsent' in outcome) {
        outcome = await this.#ask(await pool.lend(key, task, cancellation), invocation, cancellation)
      }
      if ('unsent' in outcome) throw outcome.unsent
      return outcome
    } finally {
      this.#deadlines.disarm(deadline)
      this.#inFlight.delete(cancellation)
      gate.leave()
    }
  }

  /** Ends every request under way with `reason`. */
  cancelAll(reason: ErrandError): void {
    for (const cancellation of this.#inFlight) cancellation.cancel(reason)
  }

  async #ask(lent: Turn, invocation: Invocation, cancellation: Cancellation): Promise<TaskAnswer | Unsent> {
    using turn = lent
    try {
      const outcome = await exchange(turn.connections, invocation, this.#exchanges, cancellation)
      if ('unsent' in outcome) turn.giveUp(outcome.unsent)
      else turn.keep()
      return outcome
    } catch (thrown) {
      const error = ErrandError.from(thrown)
      judge(turn, error)
      throw error.code === 'task_connection_closed' ? await this.#explain(error, turn) : error
    }
  }

  #tooLate(): ErrandError {
    return new ErrandError('deadline_exceeded', `no answer within ${this.#deps.requestTimeoutMs} ms`)
  }

  /** A task that dies cuts its connections first; its end is the better explanation, and known a moment later. */
  async #explain(error: ErrandError, { instance }: Turn): Promise<ErrandError> {
    const hasEnded = (await this.#endsWithin(EXIT_NEWS_MS, instance)) || (await this.#endsLate(instance))
    if (!hasEnded) return error
    const exit = await instance.exited
    return exit.wasStopped ? error : diedError(exit, instance.resources)
  }

  async #endsLate(instance: Instance): Promise<boolean> {
    if (instance.pid === undefined || isProcessAlive(instance.pid)) return false
    return this.#endsWithin(LATE_EXIT_NEWS_MS, instance)
  }

  async #endsWithin(delayMs: number, { ended }: Instance): Promise<boolean> {
    const enough = () => new ErrandError('deadline_exceeded', 'no news')
    using news = new Deadline(this.#deps.clock, delayMs, enough, new Cancellation().signal)
    return await abortable(ended, news.signal).then(
      () => true,
      () => false,
    )
  }
}

function judge(turn: Turn, error: ErrandError): void {
  if (error.code === 'response_too_large') turn.keep()
  else if (NOT_ITS_FAULT.has(error.code)) turn.abandon()
  else if (error.code === 'deadline_exceeded') turn.suspect()
  else turn.blame(error)
}
