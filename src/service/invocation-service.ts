import type { Cancellation } from '../core/cancellation.ts'
import type { Clock } from '../core/clock.ts'
import { Deadlines } from '../core/deadlines.ts'
import { ErrandError, type ErrorCode } from '../core/errors.ts'
import { type Task, type TaskKey, taskKey } from '../core/task.ts'
import { formatTraceparent, type TraceContext } from '../core/trace-context.ts'
import { endsWithin } from '../core/wait.ts'
import { type ExchangeDeps, exchange } from '../forward/exchange.ts'
import { IdleDeadline } from '../forward/idle-deadline.ts'
import { streamExchange } from '../forward/stream-exchange.ts'
import type { Unsent } from '../forward/task-exchange.ts'
import { diedError } from '../instance/exit-errors.ts'
import type { Instance } from '../instance/instance.ts'
import { abortable } from '../util/abort.ts'
import type { ByteBudget } from '../util/byte-budget.ts'
import { isProcessAlive } from '../util/process-alive.ts'
import type { Pool } from '../warm/pool.ts'
import type { Turn } from '../warm/turn.ts'
import type { Gate } from './gate.ts'
import type { InvocationMeter } from './invocation-meter.ts'
import type { InvocationTrace, InvocationTracer } from './invocation-tracer.ts'
import type { Forwarding, Invocation, TaskAnswer, TaskSink } from './node-api.ts'
import { inTrace, traceOf } from './trace-headers.ts'

export interface InvocationServiceDeps {
  readonly pool: Pool
  readonly gate: Gate
  readonly clock: Clock
  /** From acceptance to the last byte, waiting and starting included; of what is streamed, how long nothing may come. */
  readonly requestTimeoutMs: number
  readonly maxResponseBytes: number
  /** What answers that are being gathered may hold together. */
  readonly answerMemory: ByteBudget
  readonly meter?: InvocationMeter | undefined
  readonly tracer?: InvocationTracer | undefined
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
    const { requestTimeoutMs } = this.#deps
    const { caller, task } = invocation
    using _inside = this.#enter(cancellation)
    const onDue = (): void => cancellation.cancel(tooLate(requestTimeoutMs))
    using _deadline = this.#arm(requestTimeoutMs, onDue)
    const trace = this.#deps.tracer?.begin(task, undefined)
    return await this.#answer(taskKey(caller, task), task, cancellation, trace, ({ connections }, within) => {
      const request = within === undefined ? invocation : { ...invocation, traceparent: formatTraceparent(within) }
      return exchange(connections, request, this.#exchanges, cancellation)
    })
  }

  /** @throws everything that keeps the task from answering to the end; see `NodeApi.forward` */
  async forward({ key, task, request }: Forwarding, sink: TaskSink, cancellation: Cancellation): Promise<void> {
    const patienceMs = task.definition?.requestTimeoutMs ?? this.#deps.requestTimeoutMs
    using _inside = this.#enter(cancellation)
    const onOver = (isHeld: boolean): void => cancellation.cancel((isHeld ? notTaken : tooLate)(patienceMs))
    using idle = new IdleDeadline(this.#exchanges, patienceMs, onOver)
    const trace = this.#deps.tracer?.begin(task, traceOf(request.headers))
    await this.#answer(key, task, cancellation, trace, ({ connections, instance }, within) => {
      sink.from(instance.id)
      const passed = within === undefined ? request : { ...request, headers: inTrace(request.headers, within) }
      return streamExchange(connections, passed, sink, idle, this.#exchanges, cancellation)
    })
  }

  /** Ends every request under way with `reason`. */
  cancelAll(reason: ErrandError): void {
    for (const cancellation of this.#inFlight) cancellation.cancel(reason)
  }

  /** Until disposed. @throws paused, draining */
  #enter(cancellation: Cancellation): Disposable {
    const { gate, meter } = this.#deps
    try {
      gate.enter()
    } catch (thrown) {
      meter?.ended(ErrandError.from(thrown).code)
      throw thrown
    }
    this.#inFlight.add(cancellation)
    return {
      [Symbol.dispose]: () => {
        this.#inFlight.delete(cancellation)
        gate.leave()
      },
    }
  }

  #arm(delayMs: number, onDue: () => void): Disposable {
    const armed = this.#deadlines.arm(delayMs, onDue)
    return { [Symbol.dispose]: () => this.#deadlines.disarm(armed) }
  }

  /** Once more where the first instance took no connection. */
  async #answer<T extends object>(
    key: TaskKey,
    task: Task,
    cancellation: Cancellation,
    trace: InvocationTrace | undefined,
    send: Send<T>,
  ): Promise<T> {
    const { pool, meter } = this.#deps
    try {
      let outcome = await this.#ask(await pool.lend(key, task, cancellation), trace, send)
      if ('unsent' in outcome) outcome = await this.#ask(await pool.lend(key, task, cancellation), trace, send)
      if ('unsent' in outcome) throw outcome.unsent
      meter?.ended('answered')
      trace?.ended('answered')
      return outcome
    } catch (thrown) {
      const { code } = ErrandError.from(thrown)
      meter?.ended(code)
      trace?.ended(code)
      throw thrown
    }
  }

  async #ask<T extends object>(lent: Turn, trace: InvocationTrace | undefined, send: Send<T>): Promise<T | Unsent> {
    using turn = lent
    try {
      const outcome = await send(turn, trace?.lent(turn.start))
      if ('unsent' in outcome) turn.giveUp(outcome.unsent)
      else turn.keep()
      return outcome
    } catch (thrown) {
      const error = ErrandError.from(thrown)
      judge(turn, error)
      throw error.code === 'task_connection_closed' ? await this.#explain(error, turn) : error
    }
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

  #endsWithin(delayMs: number, { ended }: Instance): Promise<boolean> {
    return endsWithin(this.#deps.clock, delayMs, undefined, (signal) => abortable(ended, signal))
  }
}

/** Sends a request to an instance; `within` is what the task's own spans belong to. */
type Send<T> = (turn: Turn, within: TraceContext | undefined) => Promise<T | Unsent>

function tooLate(afterMs: number): ErrandError {
  return new ErrandError('deadline_exceeded', `no answer within ${afterMs} ms`)
}

/** The instance had its answer ready: nothing is to be held against it. */
function notTaken(forMs: number): ErrandError {
  return new ErrandError('cancelled', `the caller took nothing of the answer for ${forMs} ms`)
}

function judge(turn: Turn, error: ErrandError): void {
  if (error.code === 'response_too_large') turn.keep()
  else if (NOT_ITS_FAULT.has(error.code)) turn.abandon()
  else if (error.code === 'deadline_exceeded') turn.suspect()
  else turn.blame(error)
}
