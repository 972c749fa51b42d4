import { type ExecutionStatus, isTerminal } from '../../core/execution.ts'
import { BackgroundWork } from '../../util/background-work.ts'
import type { ExecutionCounts } from '../executions-api.ts'
import type { Execution } from './execution.ts'

const WAITING: ReadonlySet<ExecutionStatus> = new Set(['accepted', 'queued'])

/** The executions of this process: from their record until nothing of them is left on the engine. */
export class LiveExecutions {
  readonly #live = new Map<string, Execution>()
  /** Those in the journal whose files are being made. */
  readonly #beginning = new Map<string, Promise<Execution>>()
  readonly #background = new BackgroundWork()

  /** What is just beginning is waited for; what kept it from that, who asked for it is told. */
  async find(executionId: string): Promise<Execution | undefined> {
    return this.#live.get(executionId) ?? (await this.#beginning.get(executionId)?.catch(() => undefined))
  }

  /** Whether it lives, or is just beginning. */
  has(executionId: string): boolean {
    return this.#live.has(executionId) || this.#beginning.has(executionId)
  }

  /** Counts it from now on, also before it is there. */
  expect(executionId: string, begun: Promise<Execution>): void {
    this.#beginning.set(executionId, begun)
    const done = (): void => void this.#beginning.delete(executionId)
    begun.then(done, done)
  }

  /** `onGone` is called when nothing of it is left on the engine. */
  add(executionId: string, execution: Execution, onGone: () => void): void {
    this.#live.set(executionId, execution)
    this.#background.add(this.#untilGone(executionId, execution, onGone))
  }

  counts(): ExecutionCounts {
    const statuses = [...this.#live.values()].map(({ record }) => record.value.status)
    const waiting = this.#beginning.size + statuses.filter((status) => WAITING.has(status)).length
    const ended = statuses.filter(isTerminal).length
    return { waiting, running: this.#live.size + this.#beginning.size - waiting - ended }
  }

  /** Resolves when none is left that has not ended, and whose sandbox is not gone. */
  async untilNone(): Promise<void> {
    while (this.#live.size + this.#beginning.size > 0) {
      await Promise.allSettled(this.#beginning.values())
      await this.#background.idle()
    }
  }

  /** The same for those that go on: what waits may wait. */
  async untilNoneRuns(): Promise<void> {
    await Promise.allSettled(this.#beginning.values())
    const running = [...this.#live.values()].filter(({ record }) => !WAITING.has(record.value.status))
    await Promise.all(running.map(({ gone }) => gone))
  }

  /** Lets go of all: what runs goes on. */
  async detach(): Promise<void> {
    // Those that are just beginning live as soon as their files are there.
    await Promise.allSettled(this.#beginning.values())
    await Promise.all([...this.#live.values()].map((execution) => execution.detach()))
  }

  async idle(): Promise<void> {
    await this.#background.idle()
  }

  async #untilGone(executionId: string, execution: Execution, onGone: () => void): Promise<void> {
    await execution.settled
    await execution.gone
    this.#live.delete(executionId)
    onGone()
  }
}
