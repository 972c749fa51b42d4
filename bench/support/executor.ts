import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type * as dockerExecutor from '../../src/executor/docker-executor.ts'
import type { Executor } from '../../src/service/executor.ts'

type Module = typeof dockerExecutor

/** An executor of the built package, with a state folder of its own, which goes with it. */
export class BenchExecutor implements AsyncDisposable {
  readonly executor: Executor
  readonly #folder: string

  private constructor(executor: Executor, folder: string) {
    this.executor = executor
    this.#folder = folder
  }

  static async open(dist: string, signal: AbortSignal): Promise<BenchExecutor> {
    const { DockerExecutor } = (await import(
      pathToFileURL(join(dist, 'executor', 'docker-executor.js')).href
    )) as Module
    const folder = await mkdtemp(join(tmpdir(), 'errand-bench-'))
    const options = { id: 'bench', stateDir: folder, hostCheck: 'none', resources: { cpuOvercommit: 8 } } as const
    return new BenchExecutor(await DockerExecutor.open(options, signal), folder)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.executor[Symbol.asyncDispose]()
    await rm(this.#folder, { recursive: true, force: true })
  }
}
