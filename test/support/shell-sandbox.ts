import { ensureImage } from '../../examples/tasks/offline/sample-images.ts'
import { ConformanceBench, type ConformanceImages, OutputRecorder } from '../../src/engine/conformance-bench.ts'
import type { Engine, OutputChunk, SandboxRef, SandboxSpec } from '../../src/engine/engine.ts'
import { docker, openDocker } from './engine-host.ts'
import { engineImages } from './engine-images.ts'

/** What a sandbox did from its start to its end, and the sandbox, which is still there. */
export interface Ran {
  readonly ref: SandboxRef
  readonly exitCode: number | undefined
  readonly stdout: string
  readonly stderr: string
}

const CALL_MS = 60_000

/** The machine's Docker Engine, to run sandboxes on to their end. Disposing removes them. */
export class ShellBench implements AsyncDisposable {
  readonly engine: Engine
  readonly #image: string
  readonly #images: ConformanceImages
  readonly #held = new AsyncDisposableStack()

  private constructor(engine: Engine, image: string, images: ConformanceImages) {
    this.engine = this.#held.use(engine)
    this.#image = image
    this.#images = images
  }

  /** `image` is on this host; BusyBox with all its programs unless said otherwise. */
  static async open(image?: string): Promise<ShellBench> {
    const name = image ?? (await ensureImage('busybox'))
    const [id = ''] = await docker('image', 'inspect', '--format', '{{.Id}}', name)
    return new ShellBench(await openDocker(), id, await engineImages())
  }

  /** For one call. */
  get signal(): AbortSignal {
    return AbortSignal.timeout(CALL_MS)
  }

  /** Without a network, unless `changes` say otherwise. `onStdout` is told all that came so far. */
  async run(changes: Partial<SandboxSpec>, onStdout?: (text: string, ref: SandboxRef) => void): Promise<Ran> {
    // One for each, since its time is limited.
    const bench = this.#held.use(new ConformanceBench(this.engine, this.#images))
    const output = new OutputRecorder()
    const ref = await bench.createPortless(this.#image, { network: 'none', ...changes })
    const sink = (chunk: OutputChunk): void => {
      output.sink(chunk)
      onStdout?.(output.bytes('stdout').toString(), ref)
    }
    using attachment = await this.engine.attach(ref, sink, bench.signal)
    await this.engine.start(ref, bench.signal)
    const { exit } = await bench.untilExited(ref)
    await attachment.ended
    const [stdout, stderr] = (['stdout', 'stderr'] as const).map((stream) => output.bytes(stream).toString())
    return { ref, exitCode: exit?.exitCode, stdout: stdout ?? '', stderr: stderr ?? '' }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#held[Symbol.asyncDispose]()
  }
}

export function shell(script: string): Pick<SandboxSpec, 'process'> {
  return { process: { entrypoint: ['/bin/sh', '-c', script] } }
}
