import type { Clock } from '../core/clock.ts'
import { ErrandError } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import type { Readiness } from '../core/task.ts'
import { Deadline } from '../core/wait.ts'
import type { Attachment, Engine, OutputChunk, SandboxRef } from '../engine/engine.ts'
import { OutputRing } from '../logs/output-ring.ts'
import { abortable } from '../util/abort.ts'
import { LOG_TAIL_BYTES } from './instance.ts'
import { MarkFinder } from './mark-finder.ts'

export interface TaskOutputDeps {
  readonly engine: Engine
  readonly clock: Clock
  readonly log: Log
  readonly closing: AbortSignal
}

/** How long the tail of a dead task's output may take to arrive. */
const TAIL_TIMEOUT_MS = 1000
/** A line has one byte at least, its end: so many lines always hold the whole tail. */
const TAIL_LINES = LOG_TAIL_BYTES

/**
 * The output of an instance: followed from the first byte until the instance is ready, for the mark and for the tail
 * that a failed start is explained with; afterwards only read from the engine when somebody asks.
 */
export class TaskOutput {
  readonly #deps: TaskOutputDeps
  readonly #finder: MarkFinder | undefined
  readonly #mark = Promise.withResolvers<void>()
  readonly #tail = new OutputRing(LOG_TAIL_BYTES)
  #attachment: Attachment | undefined

  constructor(deps: TaskOutputDeps, readiness: Readiness) {
    this.#deps = deps
    if (readiness.kind === 'mark') this.#finder = new MarkFinder(readiness.mark)
    else this.#mark.resolve()
  }

  /** Resolves when the mark has been printed, or at once where the task declares none. */
  get marked(): Promise<void> {
    return this.#mark.promise
  }

  /** What was followed so far, cut to the last `LOG_TAIL_BYTES`. */
  get tail(): string {
    return this.#tail.text()
  }

  /** Call it between create and start, so that nothing is missed. */
  async follow(ref: SandboxRef, signal: AbortSignal): Promise<void> {
    this.#attachment = await this.#deps.engine.attach(ref, (chunk) => this.#take(chunk), signal)
  }

  /** Whether the mark is in what the engine keeps of the output; true where the task declares none. */
  async hasMarked(ref: SandboxRef, signal: AbortSignal): Promise<boolean> {
    if (this.#finder === undefined) return true
    for await (const { stream, data } of this.#deps.engine.output(ref, {}, signal)) {
      if (stream === 'stdout' && this.#finder.push(data)) return true
    }
    return false
  }

  /** A follower that stalls would block the task: let go as soon as the start is over. */
  release(): void {
    this.#attachment?.[Symbol.dispose]()
    this.#attachment = undefined
  }

  /** The end of the output of an instance that has exited. Never rejects; says what could be had within a second. */
  async lastWords(ref: SandboxRef): Promise<string> {
    const { clock, closing, log } = this.#deps
    const tooLate = () => new ErrandError('deadline_exceeded', 'the end of the output did not arrive in time')
    using deadline = new Deadline(clock, TAIL_TIMEOUT_MS, tooLate, closing)
    try {
      if (this.#attachment === undefined) return await this.#readBack(ref, deadline.signal)
      await abortable(this.#attachment.ended, deadline.signal)
    } catch (error) {
      log.debug({ err: error, sandbox: ref.name }, 'the last output of an instance could not be read')
    }
    return this.tail
  }

  async #readBack(ref: SandboxRef, signal: AbortSignal): Promise<string> {
    const tail = new OutputRing(LOG_TAIL_BYTES)
    for await (const { data } of this.#deps.engine.output(ref, { lastLines: TAIL_LINES }, signal)) tail.push(data)
    return tail.text()
  }

  #take({ stream, data }: OutputChunk): void {
    this.#tail.push(data)
    if (stream === 'stdout' && this.#finder?.push(data) === true) this.#mark.resolve()
  }
}
