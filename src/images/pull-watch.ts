import type { Clock } from '../core/clock.ts'
import { ErrandError } from '../core/errors.ts'
import type { PullProgress } from '../engine/engine.ts'

export interface PullWatchOptions {
  readonly clock: Clock
  readonly name: string
  readonly noProgressTimeoutMs: number
  /** Bytes of the disk that may still be used; below zero once the reserve is touched, Infinity where nobody knows. */
  readonly spareBytes: () => Promise<number>
  /** Called every few seconds with what has changed meanwhile. */
  readonly onReport: (report: PullReport) => void
}

export interface PullReport {
  readonly layers: number
  readonly bytes: number
  /** Of the layers that have begun. */
  readonly totalBytes: number
}

interface Layer {
  readonly status: string
  readonly currentBytes: number
  /** Unpacking counts from zero again. */
  readonly mostBytes: number
  readonly totalBytes: number
}

const TICK_MS = 2000
const TICKS_PER_REPORT = 5

/** Watches over one pull: aborts it when it stands still or does not fit on the disk. Disposing ends the watching. */
export class PullWatch implements AsyncDisposable {
  readonly signal: AbortSignal
  readonly #options: PullWatchOptions
  readonly #stop = new AbortController()
  readonly #layers = new Map<string, Layer>()
  #timer: Disposable | undefined
  #ticking: Promise<void> = Promise.resolve()
  #ticks = 0
  #changedMs: number
  #hasNews = false
  #isOver = false

  constructor(options: PullWatchOptions, parent: AbortSignal) {
    this.#options = options
    this.signal = AbortSignal.any([parent, this.#stop.signal])
    this.#changedMs = options.clock.monotonicMs()
    this.#arm()
  }

  /** Only a change is progress: some engines repeat what they have said. */
  note({ layer: id = '', status, currentBytes = 0, totalBytes = 0 }: PullProgress): void {
    const before = this.#layers.get(id)
    if (before?.status === status && before.currentBytes === currentBytes) return
    const mostBytes = Math.max(currentBytes, before?.mostBytes ?? 0)
    this.#layers.set(id, { status, currentBytes, mostBytes, totalBytes: Math.max(totalBytes, before?.totalBytes ?? 0) })
    this.#changedMs = this.#options.clock.monotonicMs()
    this.#hasNews = true
  }

  get report(): PullReport {
    const layers = [...this.#layers.values()].filter(({ totalBytes }) => totalBytes > 0)
    return {
      layers: layers.length,
      bytes: layers.reduce((sum, { mostBytes }) => sum + mostBytes, 0),
      totalBytes: layers.reduce((sum, { totalBytes }) => sum + totalBytes, 0),
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true
    this.#timer?.[Symbol.dispose]()
    await this.#ticking
  }

  #arm(): void {
    const { clock, noProgressTimeoutMs } = this.#options
    this.#timer = clock.setTimer(Math.min(TICK_MS, noProgressTimeoutMs), () => {
      this.#ticking = this.#tick()
    })
  }

  async #tick(): Promise<void> {
    this.#ticks += 1
    this.#assertMoving()
    if (this.#ticks % TICKS_PER_REPORT === 0) this.#tell()
    await this.#assertFits()
    if (!this.#isOver && !this.signal.aborted) this.#arm()
  }

  #assertMoving(): void {
    const { clock, noProgressTimeoutMs, name } = this.#options
    if (clock.monotonicMs() - this.#changedMs < noProgressTimeoutMs) return
    const { bytes, totalBytes } = this.report
    const message = `pulling ${name} made no progress for ${noProgressTimeoutMs} ms`
    this.#stop.abort(new ErrandError('image_pull_timeout', message, { details: { image: name, bytes, totalBytes } }))
  }

  /** What is still to come packed must fit, and unpacking must not have touched the reserve. */
  async #assertFits(): Promise<void> {
    const { name, spareBytes } = this.#options
    const spare = await spareBytes()
    const { bytes, totalBytes } = this.report
    if (totalBytes - bytes <= spare) return
    const message = `${name} does not fit on the disk of the engine`
    this.#stop.abort(new ErrandError('storage_full', message, { details: { image: name, totalBytes } }))
  }

  #tell(): void {
    if (!this.#hasNews) return
    this.#hasNews = false
    this.#options.onReport(this.report)
  }
}
