import { setImmediate } from 'node:timers/promises'
import type { Clock } from '../../core/clock.ts'
import { ErrandError } from '../../core/errors.ts'
import { sleep } from '../../core/wait.ts'
import { abortable } from '../../util/abort.ts'
import type { SandboxSpec, SignalName } from '../engine.ts'
import type { FakeFiles } from './fake-files.ts'
import type { FakeOutputLog } from './fake-output.ts'
import type { FakeFile, FakeOutput, FakeProcess, FakeUsage } from './fake-script.ts'
import type { FakeMeter } from './fake-usage.ts'

/** Every piece of a flood is a part of this. */
const FLOOD_CHUNK = Buffer.from(`${'flood '.repeat(10)}...\n`.repeat(1024))

/** What a process works on. */
export interface FakeWorld {
  readonly spec: SandboxSpec
  readonly clock: Clock
  readonly output: FakeOutputLog
  readonly files: FakeFiles
  readonly meter: FakeMeter
  /** It took more memory than there is. */
  onOutOfMemory(): void
}

/** The main process of one start of a fake sandbox. */
export class FakeMainProcess implements FakeProcess {
  readonly argv: readonly string[]
  readonly environment: Readonly<Record<string, string>>
  readonly #world: FakeWorld
  readonly #ending = new AbortController()
  readonly #caught = new Set<SignalName>()
  readonly #pending: SignalName[] = []
  #signalled = Promise.withResolvers<void>()
  #thawed = Promise.withResolvers<void>()

  constructor(world: FakeWorld) {
    const { entrypoint = [], cmd = [], environment = {} } = world.spec.process
    this.argv = [...entrypoint, ...cmd]
    this.environment = environment
    this.#world = world
    this.#thawed.resolve()
  }

  get spec(): SandboxSpec {
    return this.#world.spec
  }

  get ended(): AbortSignal {
    return this.#ending.signal
  }

  print(output: FakeOutput): void {
    this.ended.throwIfAborted()
    this.#world.output.print(output)
  }

  async flood(bytes: number, stream: 'stdout' | 'stderr' = 'stdout'): Promise<void> {
    for (let left = bytes; left > 0; left -= FLOOD_CHUNK.length) {
      await abortable(this.#thawed.promise, this.ended)
      this.#world.output.append({ stream, data: FLOOD_CHUNK.subarray(0, Math.min(left, FLOOD_CHUNK.length)) })
      await setImmediate()
    }
    this.ended.throwIfAborted()
  }

  write(path: string, file: FakeFile): void {
    this.ended.throwIfAborted()
    this.#world.files.write(path, file)
  }

  use(usage: Partial<FakeUsage>): void {
    this.ended.throwIfAborted()
    if (this.#world.meter.use(usage)) this.#world.onOutOfMemory()
    this.ended.throwIfAborted()
  }

  async sleep(delayMs: number): Promise<void> {
    await sleep(this.#world.clock, delayMs, this.ended)
    await abortable(this.#thawed.promise, this.ended)
  }

  async untilSignal(...names: readonly SignalName[]): Promise<SignalName> {
    for (const name of names) if (name !== 'SIGKILL') this.#caught.add(name)
    for (;;) {
      this.ended.throwIfAborted()
      const index = this.#pending.findIndex((name) => names.includes(name))
      const [found] = index < 0 ? [] : this.#pending.splice(index, 1)
      if (found !== undefined) return found
      await abortable(this.#signalled.promise, this.ended)
    }
  }

  /** True when the program takes care of it. */
  catches(name: SignalName): boolean {
    if (!this.#caught.has(name)) return false
    this.#pending.push(name)
    this.#signalled.resolve()
    this.#signalled = Promise.withResolvers()
    return true
  }

  freeze(): void {
    this.#thawed = Promise.withResolvers()
  }

  thaw(): void {
    this.#thawed.resolve()
  }

  end(): void {
    this.#ending.abort(new ErrandError('task_gone', 'the process has ended'))
  }
}
