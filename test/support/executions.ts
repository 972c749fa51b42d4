import assert from 'node:assert/strict'
import { access, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ExecutionRequest } from '../../src/core/execution-request.ts'
import { MIB } from '../../src/core/resources.ts'
import type { ExecutionRecord, ExecutionResult } from '../../src/service/executor.ts'
import { type FaultDaemon, type FaultDaemonOptions, startFaultDaemon } from './fault-daemon.ts'
import type { PrivateEngine } from './private-engine.ts'

const WAIT_MS = 120_000

/** The executions of a daemon on an engine of a test's own, as shell scripts. Disposing asserts the invariants. */
export class Executions implements AsyncDisposable {
  readonly node: FaultDaemon
  readonly engine: PrivateEngine
  readonly #image: string
  readonly #home: string

  private constructor(node: FaultDaemon, engine: PrivateEngine, image: string, home: string) {
    this.#home = home
    this.node = node
    this.engine = engine
    this.#image = image
  }

  static async on(
    engine: PrivateEngine,
    image: string,
    settings: readonly string[] = [],
    deps: FaultDaemonOptions['deps'] = {},
  ): Promise<Executions> {
    const all = ['resources.cpuOvercommit=16', engine.setting, ...settings]
    const node = await startFaultDaemon({ settings: all, deps, engineSocket: engine.socketPath })
    return new Executions(node, engine, image, await mkdtemp(join(tmpdir(), 'errand-given-')))
  }

  /** Resolves with its id, as soon as it is recorded. */
  async submit(script: string, more: Partial<ExecutionRequest> = {}): Promise<string> {
    const { record } = await this.node.daemon.executions.submit({
      engineSpec: { type: 'docker', params: { image: this.#image, cmd: ['sh', '-c', script] } },
      resources: { cpu: 0.1, memoryBytes: 16 * MIB },
      ...more,
    })
    return record.executionId
  }

  /** Resolves with its id once it has printed its first line. */
  async begin(script: string, more: Partial<ExecutionRequest> = {}): Promise<string> {
    const id = await this.submit(script, more)
    await this.printed(id)
    return id
  }

  async printed(executionId: string): Promise<void> {
    const { executions } = this.node.daemon
    await executions.waitForStatus(executionId, 'running', WAIT_MS)
    for await (const _entry of executions.getLogStream({ executionId, follow: true })) return
  }

  async result(executionId: string): Promise<ExecutionResult> {
    return this.node.daemon.executions.wait(executionId, AbortSignal.timeout(WAIT_MS))
  }

  async info(executionId: string): Promise<ExecutionRecord> {
    return this.node.daemon.executions.getInfo(executionId)
  }

  /** Resolves once its record is as wanted. */
  async until(executionId: string, isWanted: (record: ExecutionRecord) => boolean): Promise<void> {
    while (!isWanted(await this.info(executionId))) await sleep(20)
  }

  /** A folder of the test's own that a container may read, with or without a file in it. */
  async folder(file: string, isThere: boolean): Promise<string> {
    const path = join(this.#home, 'given')
    await mkdir(path, { recursive: true })
    if (isThere) await writeFile(join(path, file), '')
    else await rm(join(path, file), { force: true })
    return path
  }

  container(executionId: string, attempt = 1): string {
    return `errand-test-${executionId}-${attempt}`
  }

  async pid(executionId: string): Promise<number> {
    return Number(await this.engine.docker('inspect', '--format', '{{.State.Pid}}', this.container(executionId)))
  }

  /** Resolves once there is no process of that id. */
  async gone(pid: number): Promise<void> {
    while (
      await access(`/proc/${pid}/exe`).then(
        () => true,
        () => false,
      )
    )
      await sleep(20)
  }

  /** How it ended, in short: `failed/killed 137`. */
  async end(executionId: string): Promise<string> {
    const { status, reason, exitCode } = await this.result(executionId)
    return `${status}/${reason ?? ''} ${exitCode}`
  }

  /** Everything has ended, and nothing is left of it on the engine. */
  async assertEnded(): Promise<void> {
    await this.node.assertInvariants()
    const summaries = await this.node.daemon.executions.list()
    const open = summaries.filter(
      ({ status }) => !['succeeded', 'failed', 'cancelled', 'timed_out', 'lost'].includes(status),
    )
    assert.deepEqual(open, [])
    const deadlineMs = performance.now() + 30_000
    while ((await this.node.containers()).length > 0)
      assert.ok(performance.now() < deadlineMs, 'I3: containers are left')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.node[Symbol.asyncDispose]()
    await rm(this.#home, { recursive: true })
  }
}
