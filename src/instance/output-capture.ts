import type { Clock } from '../core/clock.ts'
import { ErrandError } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import { Deadline } from '../core/wait.ts'
import type { Attachment, Engine, OutputChunk, SandboxRef } from '../engine/engine.ts'
import { untilAnswered } from '../engine/until-answered.ts'
import type { KeptOutput } from '../logs/log-catch-up.ts'
import { abortable } from '../util/abort.ts'
import type { BackgroundWork } from '../util/background-work.ts'

/** Where output goes. */
export interface CaptureSink {
  append(stream: OutputChunk['stream'], data: Buffer): void
  /** More than it can take: wait until it is `written`. */
  readonly isCrowded: boolean
  written(): Promise<void>
  /** Takes from what the engine keeps what has not been taken yet, to the end of the sandbox. */
  catchUp(kept: KeptOutput): Promise<void>
  /** Output may have been missed. */
  noteGap(): void
}

export interface OutputCaptureDeps {
  readonly engine: Engine
  readonly clock: Clock
  readonly log: Log
  readonly background: BackgroundWork
  readonly closing: AbortSignal
  /** Resolves when the sandbox has exited. */
  readonly exited: Promise<void>
}

/** An attachment ends with its sandbox; the news of the exit comes on another connection, and may take this much longer. */
const EXIT_NEWS_MS = 1000
/** How long after the exit output may still arrive. */
const DRAIN_MS = 10_000

/**
 * Brings all that a sandbox prints into a log: live, byte for byte; when the connection is lost while it runs, from what
 * the engine keeps.
 */
export class OutputCapture implements Disposable {
  readonly #deps: OutputCaptureDeps
  readonly #sink: CaptureSink
  readonly #over = new AbortController()
  #attachment: Attachment | undefined
  #complete: Promise<void> = Promise.resolve()

  constructor(deps: OutputCaptureDeps, sink: CaptureSink) {
    this.#deps = deps
    this.#sink = sink
  }

  /** Call it between create and start; again when the connection was lost before that. */
  async attach(ref: SandboxRef, signal: AbortSignal): Promise<void> {
    const { engine, background } = this.#deps
    const attachment = await engine.attach(ref, (chunk) => this.#take(chunk), signal)
    this.#attachment?.[Symbol.dispose]()
    this.#attachment = attachment
    this.#complete = this.#follow(ref, attachment)
    background.add(this.#complete)
  }

  /** Goes on with a sandbox that an earlier process started. */
  resume(ref: SandboxRef): void {
    this.#complete = this.#catchUp(ref)
    this.#deps.background.add(this.#complete)
  }

  /** Never rejects. */
  async drain(): Promise<void> {
    const { clock, closing, log } = this.#deps
    const tooLate = (): ErrandError => new ErrandError('deadline_exceeded', 'the end of the output did not arrive')
    using deadline = new Deadline(clock, DRAIN_MS, tooLate, closing)
    try {
      await abortable(this.#complete, deadline.signal)
    } catch (error) {
      log.warn({ err: error }, 'the output of an execution may be incomplete')
      this.#sink.noteGap()
    }
  }

  [Symbol.dispose](): void {
    this.#over.abort(new ErrandError('cancelled', 'its output is followed no more'))
    this.#attachment?.[Symbol.dispose]()
  }

  #take({ stream, data }: OutputChunk): void {
    this.#sink.append(stream, data)
    if (this.#sink.isCrowded) this.#attachment?.holdUp(this.#sink.written())
  }

  async #follow(ref: SandboxRef, attachment: Attachment): Promise<void> {
    await attachment.ended
    if (this.#over.signal.aborted || this.#attachment !== attachment || (await this.#hasExited())) return
    // Another attachment took its place, before the start.
    if (this.#attachment !== attachment) return
    this.#deps.log.warn({ sandbox: ref.name }, 'the output connection was lost; going on with what the engine keeps')
    await this.#catchUp(ref)
  }

  async #catchUp(ref: SandboxRef): Promise<void> {
    const { engine, clock, log, closing } = this.#deps
    const signal = AbortSignal.any([closing, this.#over.signal])
    const take = (): Promise<void> => this.#sink.catchUp((range) => engine.output(ref, range, signal))
    try {
      // Nothing is taken twice, however often it is begun anew.
      do await untilAnswered(clock, take, signal)
      while (!(await this.#hasExited()))
    } catch (error) {
      if (signal.aborted) return
      log.warn({ err: error, sandbox: ref.name }, 'output was missed')
      this.#sink.noteGap()
    }
  }

  async #hasExited(): Promise<boolean> {
    const { clock, exited } = this.#deps
    const enough = (): ErrandError => new ErrandError('deadline_exceeded', 'it runs on')
    using deadline = new Deadline(clock, EXIT_NEWS_MS, enough, this.#over.signal)
    return await abortable(exited, deadline.signal).then(
      () => true,
      () => this.#over.signal.aborted,
    )
  }
}
