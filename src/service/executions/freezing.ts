import type { SandboxView } from '../../engine/engine.ts'
import type { ExecutionInstance } from '../../instance/execution-instance.ts'
import { Serial } from '../../util/serial.ts'
import type { TrackedRecord } from './tracked-record.ts'

/** Whoever asked may have left. */
const NEVER = new AbortController().signal

/** Gives the sandbox while it runs. @throws not_ready before, already_ended after that */
type Running = () => ExecutionInstance

/** Freezes and thaws one execution. What the engine shows decides; the record follows. */
export class Freezing {
  readonly #record: TrackedRecord
  readonly #running: Running
  readonly #changes = new Serial()

  constructor(record: TrackedRecord, running: Running) {
    this.#record = record
    this.#running = running
  }

  /** @throws not_ready, already_ended, unsupported; what the journal throws, and then it is not frozen */
  async pause(signal: AbortSignal): Promise<void> {
    await this.#changes.run(async () => {
      const instance = this.#running()
      await this.#unlessEnded(instance.pause(signal))
      if (this.#record.status !== 'running') return
      try {
        await this.#record.tryMove('paused')
      } catch (error) {
        // Where that fails, too, the engine shows it as frozen, to `resume` and to the next process.
        await instance.resume(NEVER).catch(() => {})
        throw error
      }
    })
  }

  /** @throws not_ready, already_ended, unsupported */
  async resume(signal: AbortSignal): Promise<void> {
    await this.#changes.run(async () => {
      await this.#unlessEnded(this.#running().resume(signal))
      if (this.#record.status === 'paused') await this.#record.move('running')
    })
  }

  /** After whatever is under way: once it has ended nothing of it is frozen or thawed. */
  async after(work: () => Promise<void>): Promise<void> {
    await this.#changes.run(work)
  }

  /** An earlier process may have frozen or thawed it, and not lived to say so. */
  async reconcile({ state }: SandboxView): Promise<void> {
    await this.#changes.run(async () => {
      const { status } = this.#record
      if (state === 'paused' && status === 'running') await this.#record.move('paused')
      if (state === 'running' && status === 'paused') await this.#record.move('running')
    })
  }

  /** Calls on a sandbox that ends under them fail in many ways; what matters is that it has ended. */
  async #unlessEnded(call: Promise<void>): Promise<void> {
    try {
      await call
    } catch (error) {
      // Throws `already_ended` by itself when that is why.
      this.#running()
      throw error
    }
  }
}
