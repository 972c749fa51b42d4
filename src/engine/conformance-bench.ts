import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { ErrandError, type ErrorCode } from '../core/errors.ts'
import { MIB } from '../core/resources.ts'
import { abortable } from '../util/abort.ts'
import type { Engine, OutputChunk, SandboxIdentity, SandboxRef, SandboxSpec, SandboxView } from './engine.ts'

/** Ids of images that behave as the suite expects. They must be on the host. */
export interface ConformanceImages {
  /** Writes `PRINTED.stdout` and `PRINTED.stderr`, then exits with `PRINTED.exitCode`. */
  readonly prints: string
  /**
   * Prints `ready` and a line feed, then runs until SIGTERM ends it in the default way. Has the folder `FOLDER` with one
   * file `FILE` that holds `PRINTED.stdout`.
   */
  readonly waits: string
  /**
   * Answers every request with `SERVED` on TCP port 8080 and, where `ERRAND_SOCKET` is set, on that unix socket. Prints
   * `ready` and a line feed once it listens.
   */
  readonly serves: string
  /** Its command does not exist. */
  readonly lacksCommand: string
  /** Commands that can be run in `waits`. */
  readonly commands: ConformanceCommands
}

interface ConformanceCommands {
  /** Does what the image `prints` does. */
  readonly prints: readonly string[]
  /** Prints the environment variable `ANSWER`, a line feed, its working directory and a line feed. */
  readonly tells: readonly string[]
  /** Prints `ready` and a line feed, then runs on. */
  readonly waits: readonly string[]
}

/** Gives an image on the host a name, from outside the engine. */
export type TagImage = (engine: Engine, imageId: string, name: string) => Promise<void>

/** What the image `prints` does: every byte value, so that a text encoding anywhere on the way shows. */
export const PRINTED: { readonly stdout: Buffer; readonly stderr: Buffer; readonly exitCode: number } = {
  stdout: Buffer.concat([Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)), Buffer.from('\n')]),
  stderr: Buffer.from('oops\n'),
  exitCode: 7,
}

/** Of the image `waits`. */
export const FOLDER = '/folder'
export const FILE = 'file'

/** The body that the image `serves` answers with. */
export const SERVED = 'hello from the sandbox\n'

/** Far beyond what any step takes: a test that reaches it hangs for a reason. */
const TEST_DEADLINE_MS = 60_000

export const CONFORMANCE_LABEL = 'dev.errand.id'

/** One fact that holds of every engine. */
export type ConformanceTest = (bench: ConformanceBench) => Promise<void>

/** What one conformance test works with. Disposing removes every sandbox it made. */
export class ConformanceBench implements AsyncDisposable {
  readonly engine: Engine
  readonly images: ConformanceImages
  readonly signal: AbortSignal = AbortSignal.timeout(TEST_DEADLINE_MS)
  readonly #tag: TagImage | undefined
  readonly #made: SandboxRef[] = []

  constructor(engine: Engine, images: ConformanceImages, tag?: TagImage) {
    this.engine = engine
    this.images = images
    this.#tag = tag
  }

  /** Gives an image one more name. */
  async tag(imageId: string, name: string): Promise<void> {
    assert.ok(this.#tag, 'this test has to be skipped: the engine under test has no `tag`')
    await this.#tag(this.engine, imageId, name)
  }

  identity(): SandboxIdentity {
    const id = randomBytes(8).toString('hex')
    return { name: `errand-conformance-${id}`, labels: { [CONFORMANCE_LABEL]: id } }
  }

  async spec(imageId: string): Promise<SandboxSpec> {
    const { defaultRuntime, runtimes } = await this.engine.probe(this.signal)
    return {
      imageId,
      resources: { cpuMillis: 500, memoryBytes: 128 * MIB, gpus: 0 },
      runtime: defaultRuntime,
      profile: 'standard',
      process: {},
      network: 'tasks',
      port: 8080,
      hasSocket: runtimes.get(defaultRuntime)?.hasUnixSocket ?? false,
    }
  }

  /** A sandbox of this image that does not run yet; removed at the end of the test. */
  async create(imageId: string, identity: SandboxIdentity = this.identity()): Promise<SandboxRef> {
    const ref = await this.engine.create(await this.spec(imageId), identity, this.signal)
    this.#made.push(ref)
    return ref
  }

  /** A sandbox that prints `ready` first: running, and past that point. */
  async startReady(imageId: string, identity: SandboxIdentity = this.identity()): Promise<SandboxRef> {
    const ref = await this.create(imageId, identity)
    const output = new OutputRecorder()
    using _attachment = await this.engine.attach(ref, output.sink, this.signal)
    await this.engine.start(ref, this.signal)
    await output.until('ready\n', this.signal)
    return ref
  }

  /** A sandbox as executions have it, which serves nothing; does not run yet. */
  async createPortless(imageId: string, changes: Partial<SandboxSpec> = {}): Promise<SandboxRef> {
    const { port: _port, ...spec } = await this.spec(imageId)
    const ref = await this.engine.create({ ...spec, hasSocket: false, ...changes }, this.identity(), this.signal)
    this.#made.push(ref)
    return ref
  }

  /** As `createPortless`; has run, and exited. */
  async runToEnd(imageId: string, changes: Partial<SandboxSpec> = {}): Promise<SandboxRef> {
    const ref = await this.createPortless(imageId, changes)
    await this.engine.start(ref, this.signal)
    await this.untilExited(ref)
    return ref
  }

  async inspect(ref: SandboxRef): Promise<SandboxView> {
    const view = await this.engine.inspect(ref, this.signal)
    assert.ok(view, `the engine knows no ${ref.name}`)
    return view
  }

  /** What it is once it has exited; learnt by event. */
  async untilExited(ref: SandboxRef): Promise<SandboxView> {
    const label = (await this.inspect(ref)).labels[CONFORMANCE_LABEL] ?? ''
    for await (const _event of this.engine.events(CONFORMANCE_LABEL, label, this.signal)) {
      const view = await this.inspect(ref)
      if (view.state === 'exited') return view
    }
    throw new Error('the event stream ended before the sandbox did')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const signal = AbortSignal.timeout(TEST_DEADLINE_MS)
    await Promise.all(this.#made.map((ref) => this.engine.remove(ref, signal)))
  }
}

/** Keeps what an attachment hands over, and tells when a text has come on stdout. */
export class OutputRecorder {
  readonly #chunks: OutputChunk[] = []
  #arrived = Promise.withResolvers<void>()

  readonly sink = (chunk: OutputChunk): void => {
    this.#chunks.push(chunk)
    this.#arrived.resolve()
  }

  bytes(stream: OutputChunk['stream']): Buffer {
    return joinOutput(this.#chunks, stream)
  }

  async until(text: string, signal: AbortSignal): Promise<void> {
    while (!this.bytes('stdout').includes(text)) {
      await abortable(this.#arrived.promise, signal)
      this.#arrived = Promise.withResolvers()
    }
  }
}

export function joinOutput(chunks: readonly OutputChunk[], stream: OutputChunk['stream']): Buffer {
  return Buffer.concat(chunks.filter((chunk) => chunk.stream === stream).map((chunk) => chunk.data))
}

/** Asserts that `work` is refused with this code of ours. */
export async function refused(work: Promise<unknown>, code: ErrorCode): Promise<void> {
  await assert.rejects(work, (error) => {
    assert.ok(error instanceof ErrandError, `not one of our errors: ${String(error)}`)
    assert.equal(error.code, code, error.message)
    return true
  })
}

/** Asserts that it has exited with this code, and not for want of memory. When, not every engine tells. */
export function endedWith({ exit }: SandboxView, exitCode: number): void {
  assert.partialDeepStrictEqual(exit, { exitCode, isOomKilled: false })
}

/** Every chunk of the output that the engine kept. */
export async function readOutput(output: AsyncIterable<OutputChunk>): Promise<OutputChunk[]> {
  const chunks: OutputChunk[] = []
  for await (const chunk of output) chunks.push(chunk)
  return chunks
}
