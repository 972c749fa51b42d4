import { abortable } from '../util/abort.ts'
import type { Clock } from './clock.ts'
import { ErrandError } from './errors.ts'

/** Resolves after `delayMs` on `clock`. @throws signal.reason when that aborts first */
export async function sleep(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted()
  const { promise, resolve } = Promise.withResolvers<void>()
  using _timer = clock.setTimer(delayMs, resolve)
  await abortable(promise, signal)
}

/**
 * Whether `work` comes to its end within `timeoutMs`; after that the signal that it gets aborts.
 * @throws what it throws by itself; signal.reason
 */
export async function endsWithin(
  clock: Clock,
  timeoutMs: number,
  signal: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<unknown>,
): Promise<boolean> {
  const overdue = new ErrandError('deadline_exceeded', `it has not ended within ${timeoutMs} ms`)
  using patience = new Deadline(clock, timeoutMs, () => overdue, signal)
  try {
    await work(patience.signal)
    return true
  } catch (error) {
    if (error === overdue) return false
    throw error
  }
}

/** A signal that aborts with `reason()` after `delayMs`, or with `parent` before that. Dispose it when the work is over. */
export class Deadline implements Disposable {
  readonly signal: AbortSignal
  readonly #timer: Disposable

  constructor(clock: Clock, delayMs: number, reason: () => ErrandError, parent?: AbortSignal) {
    const controller = new AbortController()
    this.signal = parent === undefined ? controller.signal : AbortSignal.any([parent, controller.signal])
    this.#timer = clock.setTimer(delayMs, () => controller.abort(reason()))
  }

  [Symbol.dispose](): void {
    this.#timer[Symbol.dispose]()
  }
}
