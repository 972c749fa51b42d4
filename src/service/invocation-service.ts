import { Cancellation } from '../core/cancellation.ts'
import type { Clock } from '../core/clock.ts'
import { Deadlines } from '../core/deadlines.ts'
import { ErrandError, type ErrorCode } from '../core/errors.ts'
import { taskKey } from '../core/task.ts'
import { Deadline } from '../core/wait.ts'
import { type ExchangeDeps, exchange } from '../forward/exchange.ts'
import { diedError } from '../instance/exit-errors.ts'
import { abortable } from '../util/abort.ts'
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
}

/** Failures for which the instance cannot be blamed. */
const NOT_ITS_FAULT: ReadonlySet<ErrorCode> = new Set(['cancelled', 'draining', 'response_too_large'])

/** How long after a cut connection the news of the task's end may take. */
const EXIT_NEWS_MS = 500

/** Answers requests with warm instances. The warm path makes no engine call, no look-up, no file access and no timer. */
export class InvocationService {
  readonly #deps: InvocationServiceDeps
  readonly #deadlines: Deadlines
  readonly #inFlight = new Set<Cancellation>()
  readonly #exchanges: ExchangeDeps

  constructor(deps: InvocationServiceDeps) {
    this.#deps = deps
    this.#deadlines = new Deadlines(deps.clock)
    this.#exchanges = { maxResponseBytes: deps.maxResponseBytes, deadlines: this.#deadlines, clock: deps.clock }
  }

  /** @throws everything that keeps the task from answering; see `NodeApi.invoke` */
  async invoke(invocation: Invocation, cancellation: Cancellation): Promise<TaskAnswer> {
    const { gate, pool, requestTimeoutMs } = this.#deps
    gate.enter()
    this.#inFlight.add(cancellation)
    const deadline = this.#deadlines.arm(requestTimeoutMs, () => cancellation.cancel(this.#tooLate()))
    try {
      const { caller, task } = invocation
      using turn = await pool.lend(taskKey(caller, task), task, cancellation)
      return await this.#forward(turn, invocation, cancellation)
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

  async #forward(turn: Turn, invocation: Invocation, cancellation: Cancellation): Promise<TaskAnswer> {
    try {
      const answer = await exchange(turn.connections, invocation, this.#exchanges, cancellation)
      turn.keep()
      return answer
    } catch (thrown) {
      const error = ErrandError.from(thrown)
      if (NOT_ITS_FAULT.has(error.code)) turn.keep()
      if (error.code === 'deadline_exceeded') turn.suspect()
      throw error.code === 'task_connection_closed' ? await this.#explain(error, turn) : error
    }
  }

  #tooLate(): ErrandError {
    return new ErrandError('deadline_exceeded', `no answer within ${this.#deps.requestTimeoutMs} ms`)
  }

  /** A task that dies cuts its connections first; its end is the better explanation, and known a moment later. */
  async #explain(error: ErrandError, turn: Turn): Promise<ErrandError> {
    using news = new Deadline(this.#deps.clock, EXIT_NEWS_MS, () => error, new Cancellation().signal)
    return await abortable(turn.instance.exited, news.signal).then(
      (exit) => (exit.wasStopped ? error : diedError(exit)),
      () => error,
    )
  }
}
