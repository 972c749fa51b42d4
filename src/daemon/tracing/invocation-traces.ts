import { randomBytes } from 'node:crypto'
import type { Clock } from '../../core/clock.ts'
import type { ErrorCode } from '../../core/errors.ts'
import type { Task } from '../../core/task.ts'
import type { TraceContext } from '../../core/trace-context.ts'
import type { StartPhase, StartPhases } from '../../instance/start-phases.ts'
import type { InvocationTrace, InvocationTracer } from '../../service/invocation-tracer.ts'
import { childContext, randomSpanId, rootContext } from './sampling.ts'
import type { SpanSink } from './span.ts'

export interface InvocationTracesDeps {
  readonly sink: SpanSink
  readonly clock: Clock
  readonly sampleRatio: number
}

/** A span for the wait of one that was kept for later; a span for each invocation, in it one for getting an instance, with what a start took, and one for the exchange. */
export class InvocationTraces implements InvocationTracer {
  readonly #deps: InvocationTracesDeps

  constructor(deps: InvocationTracesDeps) {
    this.#deps = deps
  }

  begin(task: Task, parent: TraceContext | undefined): InvocationTrace | undefined {
    const context = this.#contextIn(parent)
    return context.isSampled ? new SampledInvocation(this.#deps, task, context, parent) : undefined
  }

  kept(acceptedMs: number, parent: TraceContext | undefined): TraceContext | undefined {
    const context = this.#contextIn(parent)
    if (!context.isSampled) return undefined
    const endMs = this.#deps.clock.wallMs()
    // The clock may have been set back since.
    const startMs = Math.min(acceptedMs, endMs)
    this.#deps.sink.add({ name: 'queue', kind: 'internal', context, parent, startMs, endMs, attributes: {} })
    return context
  }

  #contextIn(parent: TraceContext | undefined): TraceContext {
    if (parent !== undefined) return childContext(parent)
    return rootContext(randomBytes(16).toString('hex'), randomSpanId(), this.#deps.sampleRatio)
  }
}

const PHASE_NAMES: Record<StartPhase, string> = {
  image: 'start.image',
  queue: 'start.lease',
  create: 'start.create',
  start: 'start.start',
  ready: 'start.ready',
  firstByte: 'start.first_byte',
}

class SampledInvocation implements InvocationTrace {
  readonly #deps: InvocationTracesDeps
  readonly #task: Task
  readonly #context: TraceContext
  readonly #parent: TraceContext | undefined
  readonly #startedMs: number
  /** Of what it does now: waits for an instance, or has been sent to one. On the monotonic clock, as all times here. */
  #sinceMs: number
  #exchange: TraceContext | undefined

  constructor(deps: InvocationTracesDeps, task: Task, context: TraceContext, parent: TraceContext | undefined) {
    this.#deps = deps
    this.#task = task
    this.#context = context
    this.#parent = parent
    this.#startedMs = deps.clock.monotonicMs()
    this.#sinceMs = this.#startedMs
  }

  lent(start: StartPhases | undefined): TraceContext {
    this.#endExchange('unsent')
    const lend = childContext(this.#context)
    const fromMs = this.#sinceMs
    this.#sinceMs = this.#add('lend', lend, this.#context, fromMs)
    for (const { phase, fromMs: phaseFromMs, toMs } of start?.parts ?? []) {
      // What others have waited for before it came is none of its time.
      if (toMs < fromMs || toMs === phaseFromMs) continue
      this.#add(PHASE_NAMES[phase], childContext(this.#context), lend, phaseFromMs, toMs)
    }
    this.#exchange = childContext(this.#context)
    return this.#exchange
  }

  ended(outcome: 'answered' | ErrorCode): void {
    const error = outcome === 'answered' ? undefined : outcome
    this.#endExchange(error)
    const { isolation, definition } = this.#task
    this.#deps.sink.add({
      name: 'invocation',
      kind: 'server',
      context: this.#context,
      parent: this.#parent,
      startMs: this.#wallMs(this.#startedMs),
      endMs: this.#deps.clock.wallMs(),
      attributes: {
        'errand.invocation.outcome': outcome,
        'errand.isolation': isolation,
        'errand.task.name': definition?.name,
      },
      error,
    })
  }

  #endExchange(error: string | undefined): void {
    if (this.#exchange === undefined) return
    this.#sinceMs = this.#add('forward', this.#exchange, this.#context, this.#sinceMs, undefined, error)
    this.#exchange = undefined
  }

  /** Returns when it ended. */
  #add(
    name: string,
    context: TraceContext,
    parent: TraceContext,
    fromMs: number,
    toMs: number = this.#deps.clock.monotonicMs(),
    error?: string,
  ): number {
    const [startMs, endMs] = [this.#wallMs(fromMs), this.#wallMs(toMs)]
    const kind = name === 'forward' ? 'client' : 'internal'
    this.#deps.sink.add({ name, kind, context, parent, startMs, endMs, attributes: {}, error })
    return toMs
  }

  #wallMs(monotonicMs: number): number {
    const { clock } = this.#deps
    return clock.wallMs() - (clock.monotonicMs() - monotonicMs)
  }
}
