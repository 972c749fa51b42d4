import type { Clock } from '../../core/clock.ts'
import type { ErrandError } from '../../core/errors.ts'
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
  readonly released: PromiseWithResolvers<void>
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
    events: 0,
  }
  readonly #clock: Clock
  readonly #planned: PlannedFailure[] = []
  readonly #stalls = new Set<Stall>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  failNext(method: FakeMethod, error: ErrandError, hasEffect: boolean): void {
    this.#planned.push({ method, error, hasEffect })
  }

  stall(method: FakeMethod): Disposable {
    const stall = { method, released: Promise.withResolvers<void>() }
    this.#stalls.add(stall)
    return {
      [Symbol.dispose]: () => {
        this.#stalls.delete(stall)
        stall.released.resolve()
      },
    }
  }

  /** Runs the effect of one call behind whatever stands in its way. `script` is that of the sandbox or image it is about. */
  async run<T>(
    method: FakeMethod,
    script: FakeScript | undefined,
    signal: AbortSignal,
    effect: () => T | Promise<T>,
  ): Promise<T> {
    this.calls[method] += 1
    signal.throwIfAborted()
    for (const stall of this.#stalls) {
      if (stall.method === method) await abortable(stall.released.promise, signal)
    }
    const delayMs = script?.delaysMs?.[method] ?? 0
    if (delayMs > 0) await sleep(this.#clock, delayMs, signal)

    const failure = this.#takeFailure(method, script)
    if (failure?.hasEffect === false) throw failure.error
    const result = await effect()
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
