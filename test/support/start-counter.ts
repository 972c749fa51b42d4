import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { LogReader } from './log-reader.ts'

/** Counts how often containers of an installation are started, as the engine tells it, from now on. */
export class StartCounter implements Disposable {
  readonly #child: ChildProcess
  readonly #reader: LogReader

  private constructor(child: ChildProcess) {
    assert.ok(child.stdout)
    this.#child = child
    this.#reader = new LogReader(child.stdout)
  }

  static open(installation: string): StartCounter {
    const filters = ['type=container', 'event=start', `label=dev.errand.installation=${installation}`]
    const args = ['events', ...filters.flatMap((filter) => ['--filter', filter])]
    // From a little before, since it takes a moment to listen.
    const since = ['--since', (Date.now() / 1000).toFixed(3)]
    const format = ['--format', '{{index .Actor.Attributes "dev.errand.id"}}']
    return new StartCounter(spawn('docker', [...args, ...since, ...format], { stdio: ['ignore', 'pipe', 'ignore'] }))
  }

  /** Of an execution that has been started. */
  async of(executionId: string): Promise<number> {
    await this.#reader.mention(executionId)
    return this.#reader.lines.filter((line) => line === executionId).length
  }

  [Symbol.dispose](): void {
    this.#child.kill()
  }
}
