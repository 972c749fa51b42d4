import { ErrandError } from '../core/errors.ts'
import { Deadline, sleep } from '../core/wait.ts'
import type { SignalName } from '../engine/engine.ts'
import { abortable } from '../util/abort.ts'
import { Backoff } from '../util/backoff.ts'
import type { SupervisedSandbox, SupervisionDeps } from './supervised-sandbox.ts'

type LadderDeps = Pick<SupervisionDeps, 'clock' | 'log' | 'closing'>

/** How long a process may take to die of SIGKILL before it is removed by force. */
const MOST_DYING_MS = 30_000

/** How the processes of one sandbox are brought to end: asked, waited for, killed. An engine that gives no answer is asked again. */
export class StopLadder {
  readonly #deps: LadderDeps
  readonly #sandbox: SupervisedSandbox
  readonly #prepare: (signal: AbortSignal) => Promise<void>
  /** On the monotonic clock. */
  #killAtMs = Infinity
  #sooner = Promise.withResolvers<void>()

  /** `prepare` comes before every signal: a frozen process hears nothing. */
  constructor(
    deps: LadderDeps,
    sandbox: SupervisedSandbox,
    prepare: (signal: AbortSignal) => Promise<void> = async () => {},
  ) {
    this.#deps = deps
    this.#sandbox = sandbox
    this.#prepare = prepare
  }

  /** It may take so long from now on; a later call can only make that less. */
  allow(graceMs: number): void {
    const killAtMs = this.#deps.clock.monotonicMs() + graceMs
    if (killAtMs >= this.#killAtMs) return
    this.#killAtMs = killAtMs
    this.#sooner.resolve()
  }

  /** Asks it to end, if it has any time for that; resolves when it has, when its time is over, or the process lets go. */
  async ask(name: SignalName): Promise<void> {
    if (this.#leftMs() <= 0) return
    const enough = new AbortController()
    const asking = this.#signal(name, enough.signal)
    await this.#untilKillTime()
    enough.abort(new ErrandError('deadline_exceeded', 'it has had its time'))
    await asking
  }

  /** Resolves when it has ended, when nothing else helps but to remove it, or the process lets go. */
  async kill(): Promise<void> {
    await this.#signal('SIGKILL', this.#deps.closing)
    await this.#exitWithin(MOST_DYING_MS)
  }

  #leftMs(): number {
    return this.#killAtMs - this.#deps.clock.monotonicMs()
  }

  async #untilKillTime(): Promise<void> {
    while (this.#leftMs() > 0 && !this.#sandbox.hasExited && !this.#deps.closing.aborted) {
      this.#sooner = Promise.withResolvers()
      await Promise.race([this.#exitWithin(this.#leftMs()), this.#sooner.promise])
    }
  }

  /** Resolves after that time at the latest. */
  async #exitWithin(delayMs: number): Promise<void> {
    const { clock, closing } = this.#deps
    const enough = (): ErrandError => new ErrandError('deadline_exceeded', 'it has not exited')
    using deadline = new Deadline(clock, delayMs, enough, closing)
    await abortable(this.#sandbox.ended, deadline.signal).catch(() => {})
  }

  async #signal(name: SignalName, enough: AbortSignal): Promise<void> {
    const { clock, closing, log } = this.#deps
    const backoff = new Backoff(200, 10_000)
    const over = new AbortController()
    void this.#sandbox.ended.then(() => over.abort(new ErrandError('already_ended', 'it has ended')))
    const signal = AbortSignal.any([closing, enough, over.signal])
    while (!this.#sandbox.hasExited && !signal.aborted) {
      try {
        await this.#prepare(signal)
        await this.#sandbox.terminate(name, signal)
        return
      } catch (error) {
        if (signal.aborted) return
        log.warn({ err: error, sandbox: this.#sandbox.name, name }, 'could not signal a sandbox; trying again')
        await sleep(clock, backoff.nextMs(), signal).catch(() => {})
      }
    }
  }
}
