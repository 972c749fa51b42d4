import type { Clock } from '../core/clock.ts'
import type { ImageReference } from '../core/image-reference.ts'
import type { Log } from '../core/log.ts'
import type { Resources } from '../core/resources.ts'
import type {
  Attachment,
  DiskUsage,
  Engine,
  EngineEvent,
  EngineImages,
  EngineProbe,
  ExecCommand,
  Image,
  ImageEvent,
  ImageRemoval,
  OutputChunk,
  OutputRange,
  OutputSink,
  PullOptions,
  SandboxBill,
  SandboxIdentity,
  SandboxListing,
  SandboxRef,
  SandboxSpec,
  SandboxStats,
  SandboxView,
  SignalName,
} from './engine.ts'
import { EngineBreaker, type EngineHealth } from './engine-breaker.ts'

/**
 * Any engine behind a breaker. Calls for which a caller waits, those of a start, are refused while the engine does not
 * answer. What has to be done all the same, looking and removing, goes through, so that whoever does it learns first that
 * the engine is back; so do event streams, output and files, whose readers have their own ways of asking again.
 */
export class GuardedEngine implements Engine {
  readonly name: string
  readonly images: EngineImages
  readonly #engine: Engine
  readonly #breaker: EngineBreaker

  /** Owns the engine from now on: disposing disposes it. */
  constructor(engine: Engine, deps: { readonly clock: Clock; readonly log: Log }) {
    this.name = engine.name
    this.#engine = engine
    this.#breaker = new EngineBreaker({ ...deps, name: engine.name, trial: (signal) => engine.probe(signal) })
    this.images = new GuardedImages(engine.images, this.#breaker)
  }

  get health(): EngineHealth {
    return this.#breaker.health
  }

  probe(signal: AbortSignal): Promise<EngineProbe> {
    return this.#breaker.observe(() => this.#engine.probe(signal), signal)
  }

  footprint(spec: SandboxSpec): Resources {
    return this.#engine.footprint(spec)
  }

  async create(spec: SandboxSpec, identity: SandboxIdentity, signal: AbortSignal): Promise<SandboxRef> {
    return guarded(this.#breaker, () => this.#engine.create(spec, identity, signal), signal)
  }

  async attach(ref: SandboxRef, sink: OutputSink, signal: AbortSignal): Promise<Attachment> {
    return guarded(this.#breaker, () => this.#engine.attach(ref, sink, signal), signal)
  }

  async start(ref: SandboxRef, signal: AbortSignal): Promise<void> {
    return guarded(this.#breaker, () => this.#engine.start(ref, signal), signal)
  }

  inspect(ref: Pick<SandboxRef, 'name'>, signal: AbortSignal): Promise<SandboxView | undefined> {
    return this.#breaker.observe(() => this.#engine.inspect(ref, signal), signal)
  }

  list(label: string, value: string, signal: AbortSignal): Promise<SandboxListing[]> {
    return this.#breaker.observe(() => this.#engine.list(label, value, signal), signal)
  }

  signal(ref: SandboxRef, name: SignalName, signal: AbortSignal): Promise<void> {
    return this.#breaker.observe(() => this.#engine.signal(ref, name, signal), signal)
  }

  remove(ref: SandboxRef, signal: AbortSignal): Promise<void> {
    return this.#breaker.observe(() => this.#engine.remove(ref, signal), signal)
  }

  async pause(ref: SandboxRef, signal: AbortSignal): Promise<void> {
    return guarded(this.#breaker, () => this.#engine.pause(ref, signal), signal)
  }

  async resume(ref: SandboxRef, signal: AbortSignal): Promise<void> {
    return guarded(this.#breaker, () => this.#engine.resume(ref, signal), signal)
  }

  output(ref: SandboxRef, range: OutputRange, signal: AbortSignal): AsyncIterable<OutputChunk> {
    return this.#engine.output(ref, range, signal)
  }

  async exec(
    ref: SandboxRef,
    command: ExecCommand,
    sink: OutputSink,
    signal: AbortSignal,
  ): Promise<{ readonly exitCode: number }> {
    return guarded(this.#breaker, () => this.#engine.exec(ref, command, sink, signal), signal)
  }

  stats(ref: SandboxRef, signal: AbortSignal): Promise<SandboxStats | undefined> {
    return this.#breaker.observe(() => this.#engine.stats(ref, signal), signal)
  }

  bill(ref: SandboxRef, signal: AbortSignal): Promise<SandboxBill | undefined> {
    return this.#breaker.observe(() => this.#engine.bill(ref, signal), signal)
  }

  collect(ref: SandboxRef, path: string, signal: AbortSignal): AsyncIterable<Buffer> {
    return this.#engine.collect(ref, path, signal)
  }

  diskUsage(ref: SandboxRef, limit: DiskUsage, signal: AbortSignal): Promise<DiskUsage | undefined> {
    return this.#breaker.observe(() => this.#engine.diskUsage(ref, limit, signal), signal)
  }

  explainExit(exitCode: number, lastOutput: string): 'command_not_found' | undefined {
    return this.#engine.explainExit(exitCode, lastOutput)
  }

  events(label: string, value: string, signal: AbortSignal): AsyncIterable<EngineEvent> {
    return this.#engine.events(label, value, signal)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#breaker[Symbol.asyncDispose]()
    await this.#engine[Symbol.asyncDispose]()
  }
}

class GuardedImages implements EngineImages {
  readonly #images: EngineImages
  readonly #breaker: EngineBreaker

  constructor(images: EngineImages, breaker: EngineBreaker) {
    this.#images = images
    this.#breaker = breaker
  }

  async find(reference: ImageReference, signal: AbortSignal): Promise<Image | undefined> {
    return guarded(this.#breaker, () => this.#images.find(reference, signal), signal)
  }

  list(signal: AbortSignal): Promise<Image[]> {
    return this.#breaker.observe(() => this.#images.list(signal), signal)
  }

  async pull(reference: ImageReference, options: PullOptions, signal: AbortSignal): Promise<Image> {
    return guarded(this.#breaker, () => this.#images.pull(reference, options, signal), signal)
  }

  remove(reference: ImageReference, signal: AbortSignal): Promise<ImageRemoval> {
    return this.#breaker.observe(() => this.#images.remove(reference, signal), signal)
  }

  events(signal: AbortSignal): AsyncIterable<ImageEvent> {
    return this.#images.events(signal)
  }
}

/** @throws EngineUnresponsive without making the call */
function guarded<T>(breaker: EngineBreaker, call: () => Promise<T>, signal: AbortSignal): Promise<T> {
  breaker.assertResponsive()
  return breaker.observe(call, signal)
}
