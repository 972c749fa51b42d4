import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { ensureImage } from '../../examples/tasks/offline/sample-images.ts'
import type { ExecutionRequest } from '../../src/core/execution-request.ts'
import { randomId } from '../../src/core/ids.ts'
import { MIB } from '../../src/core/resources.ts'
import { DockerExecutor, type DockerExecutorOptions } from '../../src/executor/docker-executor.ts'
import type { ExecutionResult, Executor } from '../../src/service/executor.ts'
import { tracesOf } from './engine-host.ts'

export type KnownRequest = ExecutionRequest & { readonly executionId: string }

/** A Docker executor in a folder of its own, for shell scripts on the machine's engine. Disposing asserts that nothing is left. */
export class ShellExecutor implements AsyncDisposable {
  readonly executor: Executor
  readonly folder: string
  readonly #image: string
  readonly #installation: string

  private constructor(executor: Executor, folder: string, image: string, installation: string) {
    this.executor = executor
    this.folder = folder
    this.#image = image
    this.#installation = installation
  }

  static async open(options: Partial<DockerExecutorOptions> = {}): Promise<ShellExecutor> {
    const image = await ensureImage('busybox')
    const folder = await mkdtemp(join(tmpdir(), 'errand-executor-'))
    const stateDir = join(folder, 'state')
    const room = { hostCheck: 'none', resources: { cpuOvercommit: 32 } } as const
    const executor = await DockerExecutor.open({ id: 'test', stateDir, ...room, ...options })
    const { id } = JSON.parse(await readFile(join(stateDir, 'installation.json'), 'utf8')) as { id: string }
    return new ShellExecutor(executor, folder, image, id)
  }

  /** `args` are `$1` and so on. */
  request(script: string, more: Partial<ExecutionRequest> = {}, args: readonly string[] = []): KnownRequest {
    return this.imageRequest(this.#image, { cmd: ['sh', '-c', script, 'sh', ...args] }, more)
  }

  imageRequest(image: string, params: object = {}, more: Partial<ExecutionRequest> = {}): KnownRequest {
    return {
      executionId: randomId(),
      engineSpec: { type: 'docker', params: { image, ...params } },
      resources: { memoryBytes: 64 * MIB },
      ...more,
    }
  }

  async run(script: string, more: Partial<ExecutionRequest> = {}): Promise<ExecutionResult> {
    return this.executor.run(this.request(script, more))
  }

  /** Resolves once there is an execution of this id, long before it runs. */
  async known(executionId: string): Promise<void> {
    while ((await this.executor.list()).every((known) => known.executionId !== executionId)) await turn()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.executor[Symbol.asyncDispose]()
    await rm(this.folder, { recursive: true, force: true })
    assert.deepEqual(await tracesOf(this.#installation), [])
  }
}
