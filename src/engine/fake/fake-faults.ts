import type { Clock } from '../../core/clock.ts'
import { ErrandError } from '../../core/errors.ts'
import { sleep } from '../../core/wait.ts'
import { abortable } from '../../util/abort.ts'
import type { FakeMethod, FakeScript } from './fake-script.ts'

interface PlannedFailure {
  readonly method: FakeMethod
  readonly error: ErrandError
  readonly hasEffect: boolean
}

interface Stall {
  readonly method: FakeMethod
  readonly reached: PromiseWithResolvers<void>
  readonly released: PromiseWithResolvers<void>
}

/** Holds up calls until it is disposed. */
export interface FakeStall extends Disposable {
  /** Resolves as soon as a call is held up. */
  readonly reached: Promise<void>
}

/** Counts the calls of a fake engine, and delays, stalls or fails them as a test asks. */
export class FakeFaults {
  readonly calls: Record<FakeMethod, number> = {
    probe: 0,
    find: 0,
    pull: 0,
    listImages: 0,
    removeImage: 0,
    imageEvents: 0,
    create: 0,
    attach: 0,
    start: 0,
    inspect: 0,
    list: 0,
    signal: 0,
    remove: 0,
    pause: 0,
    resume: 0,
    output: 0,
    exec: 0,
    stats: 0,
    bill: 0,
    collect: 0,
    diskUsage: 0,
    events: 0,
  }
  readonly #clock: Clock
  readonly #planned: PlannedFailure[] = []
  readonly #stalls = new Set<Stall>()
  #life = new AbortController()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  failNext(method: FakeMethod, error: ErrandError, hasEffect: boolean): void {
    this.#planned.push({ method, error, hasEffect })
  }

  stall(method: FakeMethod): FakeStall {
    const stall = { method, reached: Promise.withResolvers<void>(), released: Promise.withResolvers<void>() }
    this.#stalls.add(stall)
    return {
      reached: stall.reached.promise,
      [Symbol.dispose]: () => {
        this.#stalls.delete(stall)
        stall.released.resolve()
      },
    }
  }

  /** Aborts when the engine goes away. */
  get life(): AbortSignal {
    return this.#life.signal
  }

  /** No call is answered until `comeBack`, those in course included. */
  goAway(): void {
    this.#life.abort(new ErrandError('engine_unavailable', 'the engine does not answer', { retryAfterMs: 1000 }))
  }

  comeBack(): void {
    if (this.#life.signal.aborted) this.#life = new AbortController()
  }

  /** Runs the effect of one call behind whatever stands in its way. `script` is that of the sandbox or image it is about. */
  async run<T>(
    method: FakeMethod,
    script: FakeScript | undefined,
    signal: AbortSignal,
    effect: () => T | Promise<T>,
  ): Promise<T> {
    this.calls[method] += 1
    using life = eitherSignal(signal, this.#life.signal)
    life.signal.throwIfAborted()
    for (const stall of this.#stalls) {
      if (stall.method !== method) continue
      stall.reached.resolve()
      await abortable(stall.released.promise, life.signal)
    }
    const delayMs = script?.delaysMs?.[method] ?? 0
    if (delayMs > 0) await sleep(this.#clock, delayMs, life.signal)

    const failure = this.#takeFailure(method, script)
    if (failure?.hasEffect === false) throw failure.error
    const result = await abortable(Promise.resolve(effect()), life.signal)
    if (failure !== undefined) throw failure.error
    return result
  }

  #takeFailure(method: FakeMethod, script: FakeScript | undefined): PlannedFailure | undefined {
    const index = this.#planned.findIndex((planned) => planned.method === method)
    const planned = index >= 0 ? this.#planned.splice(index, 1)[0] : undefined
    if (planned !== undefined) return planned
    const error = script?.failures?.[method]
    return error === undefined ? undefined : { method, error, hasEffect: false }
  }
}

/** Like `AbortSignal.any`, which would stay behind on a signal that lives long. */
function eitherSignal(first: AbortSignal, second: AbortSignal): Disposable & { readonly signal: AbortSignal } {
  const controller = new AbortController()
  const abort = (): void => controller.abort(first.aborted ? first.reason : second.reason)
  const sources = [first, second]
  for (const source of sources) source.addEventListener('abort', abort, { once: true })
  if (sources.some(({ aborted }) => aborted)) abort()
  return {
    signal: controller.signal,
    [Symbol.dispose]: () => {
      for (const source of sources) source.removeEventListener('abort', abort)
    },
  }
}

/** What `source` gives, which breaks off with `until` in the middle of what is there already, too. */
export async function* breakable<T>(source: AsyncIterable<T>, until: AbortSignal): AsyncGenerator<T> {
  for await (const item of source) {
    until.throwIfAborted()
    yield item
  }
}
