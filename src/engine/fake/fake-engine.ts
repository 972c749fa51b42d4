import { isDeepStrictEqual } from 'node:util'
import { type Clock, systemClock } from '../../core/clock.ts'
import { ErrandError } from '../../core/errors.ts'
import { MIB, type Resources } from '../../core/resources.ts'
import type {
  Attachment,
  Engine,
  EngineEvent,
  EngineProbe,
  Image,
  OutputChunk,
  OutputSink,
  RuntimeProbe,
  SandboxIdentity,
  SandboxListing,
  SandboxRef,
  SandboxSpec,
  SandboxView,
  SignalName,
} from '../engine.ts'
import { FakeEvents } from './fake-events.ts'
import { FakeFaults } from './fake-faults.ts'
import { FakeImages } from './fake-images.ts'
import { FakeSandbox } from './fake-sandbox.ts'
import type { FakeMethod, FakeOutput, FakeScript } from './fake-script.ts'

export { ManualClock } from '../../core/manual-clock.ts'
export type { FakeMethod, FakeOutput, FakeScript } from './fake-script.ts'

export interface FakeEngineOptions {
  /** Delays and readiness pass on it. Default: the system's clock. */
  readonly clock?: Clock
  /** Images on the host, by reference. */
  readonly images?: Readonly<Record<string, FakeScript>>
  /** What `probe` answers, where it is to differ from a 4-core host of 8 GiB with the runtime `runc`. */
  readonly probe?: Partial<EngineProbe>
}

const RUNC: RuntimeProbe = { enforcesLimits: true, hasUnixSocket: false }

/**
 * An engine in memory, for tests: sandboxes play the script of their image, and every call can be counted, delayed,
 * stalled or made to fail. A script with `serve` answers on a real port, so that forwarding can be tested end to end.
 * Disposing ends everything and closes all its servers.
 */
export class FakeEngine implements Engine {
  readonly name = 'fake'
  readonly images: FakeImages
  readonly #clock: Clock
  readonly #probe: EngineProbe
  readonly #faults: FakeFaults
  readonly #events = new FakeEvents()
  readonly #sandboxes = new Map<string, FakeSandbox>()
  #created = 0

  constructor(options: FakeEngineOptions = {}) {
    this.#clock = options.clock ?? systemClock
    this.#faults = new FakeFaults(this.#clock)
    this.images = new FakeImages(this.#faults, (imageId) => this.#uses(imageId))
    this.#probe = {
      version: 'fake',
      cpuCores: 4,
      memoryBytes: 8192 * MIB,
      canPause: true,
      runtimes: new Map([['runc', RUNC]]),
      defaultRuntime: 'runc',
      warnings: [],
      ...options.probe,
    }
    for (const [reference, script] of Object.entries(options.images ?? {})) this.addImage(reference, script)
  }

  /** Calls begun, by method. */
  get calls(): Readonly<Record<FakeMethod, number>> {
    return this.#faults.calls
  }

  /** Every sandbox as it is now. Not counted as a call. */
  get sandboxes(): SandboxView[] {
    return [...this.#sandboxes.values()].map((sandbox) => sandbox.view())
  }

  /** Event streams that are being read. */
  get eventListeners(): number {
    return this.#events.listeners
  }

  /** Another `version` is another image, which takes the name over. */
  addImage(reference: string, script: FakeScript, version = ''): Image {
    return this.images.add(reference, script, 'host', version)
  }

  /** An image that has to be pulled first. */
  addRemoteImage(reference: string, script: FakeScript, version = ''): Image {
    return this.images.add(reference, script, 'registry', version)
  }

  /** Calls of `method` that begin from now on answer only once the returned value is disposed, or when aborted. */
  stall(method: FakeMethod): Disposable {
    return this.#faults.stall(method)
  }

  /** The next call of `method` rejects; `hasEffect` lets it do its work first, as when only the answer is lost. */
  failNext(method: FakeMethod, error: ErrandError, { hasEffect = false }: { readonly hasEffect?: boolean } = {}): void {
    this.#faults.failNext(method, error, hasEffect)
  }

  /** Ends a running sandbox from within. */
  crash(name: string, exitCode: number, isOomKilled = false): void {
    this.#get(name).end(exitCode, isOomKilled)
  }

  print(name: string, output: FakeOutput): void {
    this.#get(name).output.print(output)
  }

  /** Removes a sandbox behind everybody's back, as `docker rm -f` does. */
  async vanish(name: string): Promise<void> {
    await this.#destroy(this.#get(name))
  }

  /** Breaks every event stream. */
  dropEvents(): void {
    this.#events.drop()
    this.images.dropEvents()
  }

  async probe(signal: AbortSignal): Promise<EngineProbe> {
    return this.#faults.run('probe', undefined, signal, () => this.#probe)
  }

  footprint(spec: SandboxSpec): Resources {
    return spec.resources
  }

  async create(spec: SandboxSpec, identity: SandboxIdentity, signal: AbortSignal): Promise<SandboxRef> {
    const script = this.images.findScript(spec.imageId)
    return this.#faults.run('create', script, signal, () => this.#create(spec, identity, script))
  }

  async attach(ref: SandboxRef, sink: OutputSink, signal: AbortSignal): Promise<Attachment> {
    return this.#run('attach', ref, signal, (sandbox) => sandbox.output.follow(sink))
  }

  async start(ref: SandboxRef, signal: AbortSignal): Promise<void> {
    await this.#run('start', ref, signal, (sandbox) => sandbox.start())
  }

  async inspect(ref: Pick<SandboxRef, 'name'>, signal: AbortSignal): Promise<SandboxView | undefined> {
    const script = this.#sandboxes.get(ref.name)?.script
    return this.#faults.run('inspect', script, signal, () => this.#sandboxes.get(ref.name)?.view())
  }

  async list(label: string, value: string, signal: AbortSignal): Promise<SandboxListing[]> {
    const isWanted = ({ labels }: SandboxListing): boolean => labels[label] === value
    return this.#faults.run('list', undefined, signal, () => this.sandboxes.filter(isWanted))
  }

  async signal(ref: SandboxRef, name: SignalName, signal: AbortSignal): Promise<void> {
    const sandbox = this.#find(ref)
    await this.#faults.run('signal', sandbox?.script, signal, () => sandbox?.signal(name))
  }

  async remove(ref: SandboxRef, signal: AbortSignal): Promise<void> {
    const sandbox = this.#find(ref)
    await this.#faults.run('remove', sandbox?.script, signal, async () => {
      if (sandbox !== undefined) await this.#destroy(sandbox)
    })
  }

  async pause(ref: SandboxRef, signal: AbortSignal): Promise<void> {
    await this.#run('pause', ref, signal, (sandbox) => sandbox.freeze())
  }

  async resume(ref: SandboxRef, signal: AbortSignal): Promise<void> {
    await this.#run('resume', ref, signal, (sandbox) => sandbox.thaw())
  }

  async *output(ref: SandboxRef, lastLines: number, signal: AbortSignal): AsyncGenerator<OutputChunk> {
    yield* await this.#run('output', ref, signal, (sandbox) => sandbox.output.lastLines(lastLines))
  }

  explainExit(exitCode: number, lastOutput: string): 'command_not_found' | undefined {
    return exitCode === 127 && lastOutput.includes('fake: no such command') ? 'command_not_found' : undefined
  }

  async *events(label: string, value: string, signal: AbortSignal): AsyncGenerator<EngineEvent> {
    await this.#faults.run('events', undefined, signal, () => {})
    yield* this.#events.listen(label, value, signal)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#sandboxes.values()].map((sandbox) => sandbox.close()))
    this.#sandboxes.clear()
    this.dropEvents()
  }

  #uses(imageId: string): boolean {
    return [...this.#sandboxes.values()].some(({ spec }) => spec.imageId === imageId)
  }

  #create(spec: SandboxSpec, identity: SandboxIdentity, script: FakeScript | undefined): SandboxRef {
    const existing = this.#sandboxes.get(identity.name)
    if (existing !== undefined) {
      if (isDeepStrictEqual(existing.labels, { ...identity.labels })) return existing.ref
      throw new ErrandError('already_exists', `the name ${identity.name} belongs to another sandbox`)
    }
    if (script === undefined) throw new ErrandError('image_not_found', `no image ${spec.imageId}`)
    if (!this.#probe.runtimes.has(spec.runtime)) {
      throw new ErrandError('runtime_unavailable', `the engine has no runtime called ${spec.runtime}`)
    }
    this.#created += 1
    const id = this.#created.toString(16).padStart(64, '0')
    const sandbox = new FakeSandbox({ id, spec, identity, script }, this.#clock, ({ exitCode }) =>
      this.#events.publish(identity.labels, { kind: 'exited', id, exitCode }),
    )
    this.#sandboxes.set(identity.name, sandbox)
    return sandbox.ref
  }

  async #destroy(sandbox: FakeSandbox): Promise<void> {
    await sandbox.close()
    if (this.#find(sandbox.ref) === undefined) return
    this.#sandboxes.delete(sandbox.ref.name)
    this.#events.publish(sandbox.labels, { kind: 'removed', id: sandbox.ref.id })
  }

  async #run<T>(
    method: FakeMethod,
    ref: SandboxRef,
    signal: AbortSignal,
    effect: (sandbox: FakeSandbox) => T | Promise<T>,
  ): Promise<T> {
    return this.#faults.run(method, this.#find(ref)?.script, signal, () => {
      const sandbox = this.#find(ref)
      if (sandbox === undefined) throw new ErrandError('not_found', `no sandbox ${ref.name}`)
      return effect(sandbox)
    })
  }

  /** A later sandbox of the same name is another one. */
  #find(ref: SandboxRef): FakeSandbox | undefined {
    const sandbox = this.#sandboxes.get(ref.name)
    return sandbox?.ref.id === ref.id ? sandbox : undefined
  }

  #get(name: string): FakeSandbox {
    const sandbox = this.#sandboxes.get(name)
    if (sandbox === undefined) throw new ErrandError('not_found', `no sandbox ${name}`)
    return sandbox
  }
}
