import { ManualClock } from '../../core/manual-clock.ts'
import type { OutputChunk, SandboxExit, SandboxRef, SandboxSpec } from '../engine.ts'
import { plainSpec } from '../sandbox-spec.fixture.ts'
import { FakeEngine, type FakeEngineOptions, type FakeScript } from './fake-engine.ts'

/** For calls that nobody gives up. */
export const never: AbortSignal = new AbortController().signal

/** A fake engine on a clock that a test moves, and short words for what tests do with it. */
export class FakeBench implements AsyncDisposable {
  readonly clock: ManualClock = new ManualClock()
  readonly engine: FakeEngine

  constructor(options: FakeEngineOptions = {}) {
    this.engine = new FakeEngine({ clock: this.clock, ...options })
  }

  /** A sandbox of an image of its own that plays `script`. */
  async create(script: FakeScript, changes: Partial<SandboxSpec> = {}, name = 'one'): Promise<SandboxRef> {
    const { id } = this.engine.addImage(name, script)
    const { port: _port, ...spec } = plainSpec(id)
    return this.engine.create({ ...spec, ...changes }, { name, labels: { owner: 'test' } }, never)
  }

  async start(script: FakeScript, changes: Partial<SandboxSpec> = {}, name = 'one'): Promise<SandboxRef> {
    const ref = await this.create(script, changes, name)
    await this.engine.start(ref, never)
    return ref
  }

  async exitOf(ref: SandboxRef): Promise<SandboxExit | undefined> {
    return (await this.engine.inspect(ref, never))?.exit
  }

  /** How it ends; told by the end of its output. */
  async untilExited(ref: SandboxRef): Promise<SandboxExit | undefined> {
    await textOf(this.engine.output(ref, { follow: true }, never))
    return this.exitOf(ref)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.engine[Symbol.asyncDispose]()
  }
}

export async function textOf(output: AsyncIterable<Pick<OutputChunk, 'data'>>): Promise<string> {
  let text = ''
  for await (const { data } of output) text += data.toString()
  return text
}
