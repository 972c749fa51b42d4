import assert from 'node:assert/strict'
import { appendFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import type { ExecutionRequest } from '../../src/core/execution-request.ts'
import { ManualClock } from '../../src/core/manual-clock.ts'
import { tarOf } from '../../src/files/tar.fixture.ts'
import { ExecutionsBench, type Life } from '../../src/service/executions/executions-bench.fixture.ts'
import { holdReadOnly, SmallDisk } from '../support/small-disk.ts'

const NEVER = new AbortController().signal
const FILES = 64
const IMAGES = { job: { output: ['before\n'], files: { '/out/a': 'brought in' } } } as const
const OUTPUTS = [{ path: '/out', name: 'out' }]

/** A disk with the files of one execution that runs, and nobody who looks after it. */
class World implements AsyncDisposable {
  readonly disk: SmallDisk
  readonly bench: ExecutionsBench
  readonly clock: ManualClock
  readonly executionId: string
  readonly #held: AsyncDisposableStack

  private constructor(parts: Pick<World, 'disk' | 'bench' | 'clock' | 'executionId'>, held: AsyncDisposableStack) {
    this.disk = parts.disk
    this.bench = parts.bench
    this.clock = parts.clock
    this.executionId = parts.executionId
    this.#held = held
  }

  static async make(more: Partial<ExecutionRequest> = {}): Promise<World> {
    await using held = new AsyncDisposableStack()
    const disk = held.use(await SmallDisk.mount(4, FILES))
    const clock = new ManualClock()
    const bench = held.use(await ExecutionsBench.make(IMAGES, clock, disk.path))
    const { executions, letGo } = await bench.open()
    const request = bench.request('job', more)
    const { executionId } = request
    await executions.submit(request)
    if (request.inputs !== undefined) await executions.putInputs(executionId, sent(), NEVER)
    for await (const { data } of executions.getLogStream({ executionId, follow: true })) {
      if (data.toString().endsWith('before\n')) break
    }
    await letGo()
    return new World({ disk, bench, clock, executionId }, held.move())
  }

  get folder(): string {
    return join(this.disk.path, 'executions', this.executionId)
  }

  /** Held to the end, or until it is disposed. */
  async holdReadOnly(folder: string): Promise<AsyncDisposable> {
    return this.#held.use(once(await holdReadOnly(folder)))
  }

  /** Another life, which has it and its sandbox. */
  async adopt(): Promise<Life['executions']> {
    const { executions } = await this.bench.open()
    assert.equal(await executions.getStatus(this.executionId), 'running')
    assert.equal(this.bench.engine.sandboxes.length, 1)
    return executions
  }

  print(text: string): void {
    this.bench.engine.print(this.bench.container(this.executionId), text)
  }

  exit(code: number): void {
    this.bench.engine.crash(this.bench.container(this.executionId), code)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#held.disposeAsync()
  }
}

/** The same, whose second disposal does nothing. */
function once(held: AsyncDisposable): AsyncDisposable {
  const stack = new AsyncDisposableStack()
  stack.use(held)
  return stack
}

async function* sent(): AsyncGenerator<Uint8Array> {
  yield await tarOf([{ name: 'data', content: 'sent' }])
}

describe('F18: an execution that runs when a daemon starts on a full disk', () => {
  test('goes on although its files for people cannot be made, and has them at its end', async () => {
    await using world = await World.make({ outputs: OUTPUTS })
    const results = join(world.folder, 'results')
    await rm(results, { recursive: true })
    await world.disk.fillNames()
    const executions = await world.adopt()
    await world.disk.free()
    world.exit(3)
    const { status, exitCode, stdout, logs, outputs } = await executions.wait(world.executionId)
    assert.deepEqual([status, exitCode, stdout, logs.gaps], ['failed', 3, 'before\n', 0])
    assert.equal(outputs.length, 1)
    assert.equal(await readFile(join(results, 'stdout.log'), 'utf8'), 'before\n')
    assert.equal(await readFile(join(results, 'out', 'a'), 'utf8'), 'brought in')
  })

  test('goes on although its log is gone and cannot be made anew: what is printed is counted as lost', async () => {
    await using world = await World.make()
    await rm(world.folder, { recursive: true })
    await world.disk.fillNames()
    const executions = await world.adopt()
    world.exit(3)
    const { status, exitCode, stdout, logs } = await executions.wait(world.executionId)
    assert.deepEqual([status, exitCode, stdout], ['failed', 3, ''])
    assert.deepEqual([logs.stdoutBytes, logs.droppedBytes], [7, 7])
  })
})

describe('F21: an execution that runs when a daemon starts', () => {
  test('goes on although nothing of it can be written, and what is printed is counted as lost', async () => {
    await using world = await World.make({ inputs: [{ type: 'upload', upload: 'data', target: '/data' }] })
    await rm(join(world.folder, 'uploads'), { recursive: true })
    // A frame that was not written in full, which has to be cut off before anything can follow it.
    await appendFile(join(world.folder, 'log', 'head'), Buffer.from([9, 0, 0, 1]))
    await using readOnly = await world.holdReadOnly(world.folder)
    const executions = await world.adopt()
    world.print('after\n')
    world.exit(3)
    const { status, exitCode, stdout, logs } = await executions.wait(world.executionId)
    assert.deepEqual([status, exitCode, stdout], ['failed', 3, 'before\n'])
    assert.deepEqual([logs.stdoutBytes, logs.droppedBytes], [13, 6])
    await executions.untilNone(NEVER)
    const followed: string[] = []
    const { executionId } = world
    for await (const { data } of executions.getLogStream({ executionId, follow: true })) followed.push(data.toString())
    assert.deepEqual(followed, ['before\n'])
    await readOnly[Symbol.asyncDispose]()
    await executions.remove(world.executionId)
  })

  test('has its log out of what the engine has kept where its own cannot be read', async () => {
    await using world = await World.make()
    const head = join(world.folder, 'log', 'head')
    await rm(head)
    await mkdir(head) // read like a file, it is an error
    const executions = await world.adopt()
    world.exit(0)
    const { status, stdout, logs } = await executions.wait(world.executionId)
    assert.deepEqual([status, stdout, logs.droppedBytes], ['succeeded', 'before\n', 0])
  })

  test('has a new log at once, so that the next daemon sees that nobody has removed its files', async () => {
    await using world = await World.make()
    const log = join(world.folder, 'log')
    await rm(join(log, 'head'))
    await mkdir(join(log, 'head'))
    await world.adopt()
    assert.deepEqual(await readdir(log), [])
  })

  test('keeps what its sandbox was given although its log was removed', async () => {
    await using world = await World.make()
    await rm(join(world.folder, 'log'), { recursive: true })
    const script = join(world.folder, 'provision', 'run')
    await mkdir(join(world.folder, 'provision'))
    await writeFile(script, 'it runs')
    await world.adopt()
    assert.equal(await readFile(script, 'utf8'), 'it runs')
  })

  test('has its own end although its log is removed while it runs', async () => {
    await using world = await World.make()
    const executions = await world.adopt()
    await rm(join(world.folder, 'log'), { recursive: true })
    world.exit(3)
    const { status, reason, exitCode } = await executions.wait(world.executionId)
    assert.deepEqual([status, reason, exitCode], ['failed', 'exit_nonzero', 3])
  })

  test('fails alone when its outputs cannot be brought in', async () => {
    await using world = await World.make({ outputs: OUTPUTS })
    await world.holdReadOnly(join(world.folder, 'results'))
    const executions = await world.adopt()
    world.exit(0)
    const { status, reason, message, stdout } = await executions.wait(world.executionId)
    assert.deepEqual([status, reason, stdout], ['failed', 'engine_error', 'before\n'])
    assert.match(message, /read-only/)
  })
})
