import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises'
import type { ExecutionRequest } from '../core/execution-request.ts'
import { randomId } from '../core/ids.ts'
import { MIB } from '../core/resources.ts'
import type { Engine } from '../engine/engine.ts'
import { INSTALLATION_LABEL } from '../instance/identity.ts'
import type { LogEntry, LogRange } from '../logs/log-entry.ts'
import type { ExecutionResult, Executor } from '../service/executor.ts'
import { commandOf, type ProgramName } from './conformance-programs.ts'
import type { ExecutorOptions } from './executor-options.ts'
import { openExecutor } from './open-executor.ts'

/** References or ids of images that behave as the suite expects. They must be on the host. */
export interface ExecutorImages {
  /** Has `/bin/sh` with what POSIX says of it, and awk. Says no command of its own. */
  readonly shell: string
  /** Where its awk is: a second language for provision scripts. */
  readonly awk: string
  /** Answers every request on TCP port 8080 with `SERVED`. */
  readonly serves: string
  /** Its command does not exist. */
  readonly lacksCommand: string
}

/** What the suite needs to know of the engine that stands behind executors. */
export interface ExecutorUnderTest {
  /** The `type` that requests choose it by. */
  readonly name: string
  /** Opens an engine for the sandboxes of this installation. Called often, also while others are open. */
  open(signal: AbortSignal, installation: string): Promise<Engine>
  /** Makes the images ready; called for every engine that was opened. */
  images(engine: Engine): Promise<ExecutorImages>
  /** What disposed executors of this installation have left on the host, one name each. */
  leftovers?(installation: string): Promise<readonly string[]>
  /** How often tests about races and leaks try. Default: 20. */
  readonly rounds?: number
  /** Titles of tests that this engine cannot pass, and why. */
  readonly skip: readonly { readonly reason: string; readonly tests: readonly string[] }[]
}

/** One fact that holds of every executor. */
export type ExecutorTest = (bench: ExecutorBench) => Promise<void>

/** Far beyond what any test takes: one that reaches it hangs for a reason. */
const TEST_DEADLINE_MS = 180_000

interface FirstExecutor {
  readonly executor: Executor
  readonly engine: Engine
  readonly images: ExecutorImages
  readonly opened: AsyncDisposableStack
  readonly installations: Set<string>
}

/** What one test works with: an executor in a folder of its own. Disposing ends every executor of the test. */
export class ExecutorBench implements AsyncDisposable {
  /** The type of the engine. */
  readonly name: string
  readonly executor: Executor
  readonly images: ExecutorImages
  /** Where the test may keep files. */
  readonly folder: string
  readonly rounds: number
  readonly signal: AbortSignal = AbortSignal.timeout(TEST_DEADLINE_MS)
  readonly #subject: ExecutorUnderTest
  readonly #engine: Engine
  readonly #opened: AsyncDisposableStack
  readonly #installations: Set<string>

  private constructor(subject: ExecutorUnderTest, folder: string, first: FirstExecutor) {
    this.#subject = subject
    this.name = subject.name
    this.folder = folder
    this.rounds = subject.rounds ?? 20
    this.executor = first.executor
    this.images = first.images
    this.#engine = first.engine
    this.#opened = first.opened
    this.#installations = first.installations
  }

  /** `folder` is empty; whoever made it removes it. */
  static async open(subject: ExecutorUnderTest, folder: string): Promise<ExecutorBench> {
    await using opened = new AsyncDisposableStack()
    const installations = new Set<string>()
    const asked = Promise.withResolvers<Engine>()
    const options = { id: 'conformance', stateDir: join(folder, 'state') }
    const executor = opened.use(await open(subject, options, installations, asked.resolve))
    const engine = await asked.promise
    const images = await subject.images(engine)
    return new ExecutorBench(subject, folder, { executor, engine, images, installations, opened: opened.move() })
  }

  /** One more executor, by default with an id and a folder of its own. */
  async another(options: Partial<ExecutorOptions> = {}): Promise<Executor> {
    const { id = `beside-${randomId().slice(0, 8)}` } = options
    const all = { stateDir: join(this.folder, id), ...options, id }
    return this.#opened.use(await open(this.#subject, all, this.#installations, () => {}))
  }

  /** A request for a program of the suite, with an id of its own. */
  task(
    program: ProgramName,
    args: readonly string[] = [],
    more: Partial<ExecutionRequest> = {},
  ): ExecutionRequest & { readonly executionId: string } {
    return this.image(this.images.shell, { cmd: commandOf(program, args) }, more)
  }

  /** A request for what an image does. */
  image(
    image: string,
    params: Readonly<Record<string, unknown>> = {},
    more: Partial<ExecutionRequest> = {},
  ): ExecutionRequest & { readonly executionId: string } {
    return {
      executionId: randomId(),
      engineSpec: { type: this.#subject.name, params: { image, ...params } },
      resources: { memoryBytes: 64 * MIB },
      ...more,
    }
  }

  async run(
    program: ProgramName,
    args: readonly string[] = [],
    more: Partial<ExecutionRequest> = {},
  ): Promise<ExecutionResult> {
    return this.executor.run(this.task(program, args, more), { signal: this.signal })
  }

  /** Starts it, and gives its id once it runs. */
  async start(
    program: ProgramName,
    args: readonly string[] = [],
    more: Partial<ExecutionRequest> = {},
  ): Promise<string> {
    const request = this.task(program, args, more)
    await this.executor.start(request, this.signal)
    return request.executionId
  }

  /** The same for a program that says `ready`: past that point. */
  async startReady(
    program: ProgramName,
    args: readonly string[] = [],
    more: Partial<ExecutionRequest> = {},
  ): Promise<string> {
    const executionId = await this.start(program, args, more)
    await this.printed(executionId, 'ready\n')
    return executionId
  }

  async wait(executionId: string): Promise<ExecutionResult> {
    return this.executor.wait(executionId, this.signal)
  }

  /** Resolves once there is an execution of this id, long before it runs. */
  async known(executionId: string): Promise<void> {
    for (;;) {
      this.signal.throwIfAborted()
      const isKnown = await this.executor.getStatus(executionId).then(
        () => true,
        () => false,
      )
      if (isKnown) return
      await turn()
    }
  }

  /** Resolves once this was printed on stdout. */
  async printed(executionId: string, text: string): Promise<void> {
    let all = ''
    for await (const { data } of this.executor.getLogStream({
      executionId,
      follow: true,
      stream: 'stdout',
      signal: this.signal,
    })) {
      all += data.toString('latin1')
      if (all.includes(text)) return
    }
    assert.fail(`it ended without ${JSON.stringify(text)}, after ${JSON.stringify(all)}`)
  }

  /** What a log stream gives, to its end. */
  async log(executionId: string, range: LogRange & { readonly signal?: AbortSignal } = {}): Promise<LogEntry[]> {
    const entries: LogEntry[] = []
    const stream = this.executor.getLogStream({ executionId, signal: this.signal, ...range })
    for await (const entry of stream) entries.push(entry)
    return entries
  }

  /** Resolves once the engine has no sandbox of this executor any more. */
  async untilNoSandbox(): Promise<void> {
    const [installation = ''] = this.#installations
    while ((await this.#engine.list(INSTALLATION_LABEL, installation, this.signal)).length > 0) await sleep(20)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#opened.disposeAsync()
  }

  /** Asserts that the disposed executors have left nothing. */
  async assertNothingLeft(): Promise<void> {
    for (const installation of this.#installations) {
      assert.deepEqual((await this.#subject.leftovers?.(installation)) ?? [], [], 'something is left on the host')
    }
    for (const state of await readdir(this.folder, { withFileTypes: true })) {
      const executions = join(this.folder, state.name, 'executions')
      assert.deepEqual(await readdir(executions).catch(() => []), [], `files are left in ${executions}`)
    }
  }
}

async function open(
  subject: ExecutorUnderTest,
  options: ExecutorOptions,
  installations: Set<string>,
  onEngine: (engine: Engine) => void,
): Promise<Executor> {
  const openEngine = async (installation: { readonly id: string }, signal: AbortSignal): Promise<Engine> => {
    installations.add(installation.id)
    const engine = await subject.open(signal, installation.id)
    onEngine(engine)
    return engine
  }
  // What a test starts side by side is not to wait for the room of the machine that it runs on.
  const defaults = { hostCheck: 'none', resources: { cpuOvercommit: 64 } } as const
  const deadline = AbortSignal.timeout(TEST_DEADLINE_MS)
  return openExecutor({ [subject.name]: openEngine }, { ...defaults, ...options }, deadline)
}
