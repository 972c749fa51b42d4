import { type Clock, systemClock } from '../../core/clock.ts'
import { ErrandError } from '../../core/errors.ts'
import { MIB, type Resources } from '../../core/resources.ts'
import type {
  Attachment,
  DiskUsage,
  Engine,
  EngineEvent,
  EngineProbe,
  ExecCommand,
  Image,
  OutputChunk,
  OutputRange,
  OutputSink,
  SandboxBill,
  SandboxIdentity,
  SandboxListing,
  SandboxRef,
  SandboxSpec,
  SandboxStats,
  SandboxView,
  SignalName,
} from '../engine.ts'
import { breakable, FakeFaults, type FakeStall } from './fake-faults.ts'
import { FakeImages } from './fake-images.ts'
import { FakeNetwork } from './fake-net.ts'
import type { FakeEngineOptions } from './fake-options.ts'
import { FakeProbe } from './fake-probe.ts'
import type { FakeSandbox } from './fake-sandbox.ts'
import { FakeSandboxes } from './fake-sandboxes.ts'
import type { FakeMethod, FakeOutput, FakeScript } from './fake-script.ts'

export { ManualClock } from '../../core/manual-clock.ts'
export type { FakeStall } from './fake-faults.ts'
export type { FakeEngineOptions } from './fake-options.ts'
export type * from './fake-script.ts'

/**
 * An engine in memory, for tests: sandboxes play the script of their image, and every call can be counted, delayed,
 * stalled or made to fail. A script with `serve` answers on a real port, so that forwarding can be tested end to end.
 * Disposing ends everything and closes all its servers.
 */
export class FakeEngine implements Engine {
  readonly name: string = 'fake'
  readonly images: FakeImages
  readonly #probe: FakeProbe
  readonly #clock: Clock
  readonly #faults: FakeFaults
  readonly #sandboxes: FakeSandboxes

  constructor(options: FakeEngineOptions = {}) {
    const { clock = systemClock, keptOutputBytes = 20 * MIB } = options
    this.#clock = clock
    this.#faults = new FakeFaults(clock)
    this.#probe = new FakeProbe(clock, options.probe)
    this.#sandboxes = new FakeSandboxes({ clock, keptOutputBytes, network: new FakeNetwork() }, this.#probe)
    this.images = new FakeImages(this.#faults, (imageId) => this.#sandboxes.use(imageId))
    for (const [reference, script] of Object.entries(options.images ?? {})) this.addImage(reference, script)
  }

  /** Calls begun, by method. */
  get calls(): Readonly<Record<FakeMethod, number>> {
    return this.#faults.calls
  }

  /** Every sandbox as it is now. Not counted as a call. */
  get sandboxes(): SandboxView[] {
    return this.#sandboxes.all.map((sandbox) => sandbox.view())
  }

  /** Event streams that are being read. */
  get eventListeners(): number {
    return this.#sandboxes.listeners
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
  stall(method: FakeMethod): FakeStall {
    return this.#faults.stall(method)
  }

  /** The next call of `method` rejects; `hasEffect` lets it do its work first, as when only the answer is lost. */
  failNext(method: FakeMethod, error: ErrandError, { hasEffect = false }: { readonly hasEffect?: boolean } = {}): void {
    this.#faults.failNext(method, error, hasEffect)
  }

  /** Ends a running sandbox from within. */
  crash(name: string, exitCode: number, isOomKilled = false): void {
    this.#sandboxes.load(name).end(exitCode, isOomKilled)
  }

  print(name: string, output: FakeOutput): void {
    this.#sandboxes.load(name).output.print(output)
  }

  /** Removes a sandbox behind everybody's back, as `docker rm -f` does. */
  async vanish(name: string): Promise<void> {
    await this.#sandboxes.remove(this.#sandboxes.load(name), (sandbox) => sandbox.close())
  }

  /** What `probe` answers from now on is something else in these points, as after an update. */
  change(probe: Partial<EngineProbe>): void {
    this.#probe.change(probe)
  }

  /** Breaks every event stream. */
  dropEvents(): void {
    this.#sandboxes.dropEvents()
    this.images.dropEvents()
  }

  /**
   * Nothing answers from now on, and every stream breaks; disposing the returned value brings another run of it. Sandboxes
   * run on meanwhile, or with `endsSandboxes` are killed without anybody being told.
   */
  goAway({ endsSandboxes = false }: { readonly endsSandboxes?: boolean } = {}): Disposable {
    this.#faults.goAway()
    this.#sandboxes.loseEngine(endsSandboxes)
    this.images.dropEvents()
    return {
      [Symbol.dispose]: () => {
        this.#probe.restart()
        this.#faults.comeBack()
      },
    }
  }

  async probe(signal: AbortSignal): Promise<EngineProbe> {
    return this.#faults.run('probe', undefined, signal, () => this.#probe.now)
  }

  footprint(spec: SandboxSpec): Resources {
    return spec.resources
  }

  async create(spec: SandboxSpec, identity: SandboxIdentity, signal: AbortSignal): Promise<SandboxRef> {
    const script = this.images.findScript(spec.imageId)
    return this.#faults.run('create', script, signal, () => this.#sandboxes.create(spec, identity, script))
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
    const sandbox = this.#sandboxes.find(ref)
    await this.#faults.run('signal', sandbox?.script, signal, () => {
      if (sandbox !== undefined) this.#sandboxes.signal(sandbox, name)
    })
  }

  async remove(ref: SandboxRef, signal: AbortSignal): Promise<void> {
    const sandbox = this.#sandboxes.find(ref)
    await this.#faults.run('remove', sandbox?.script, signal, async () => {
      if (sandbox !== undefined) await this.#sandboxes.remove(sandbox, () => sandbox.kill())
    })
  }

  async pause(ref: SandboxRef, signal: AbortSignal): Promise<void> {
    await this.#run('pause', ref, signal, (sandbox) => sandbox.freeze())
  }

  async resume(ref: SandboxRef, signal: AbortSignal): Promise<void> {
    await this.#run('resume', ref, signal, (sandbox) => sandbox.thaw())
  }

  async *output(ref: SandboxRef, range: OutputRange, signal: AbortSignal): AsyncGenerator<OutputChunk> {
    const until = AbortSignal.any([signal, this.#faults.life])
    yield* breakable(await this.#run('output', ref, signal, ({ output }) => output.read(range, until)), until)
  }

  async exec(
    ref: SandboxRef,
    command: ExecCommand,
    sink: OutputSink,
    signal: AbortSignal,
  ): Promise<{ readonly exitCode: number }> {
    return this.#run('exec', ref, signal, (sandbox) => sandbox.exec(command, sink))
  }

  async stats(ref: SandboxRef, signal: AbortSignal): Promise<SandboxStats | undefined> {
    return this.#run('stats', ref, signal, ({ meter }) => meter?.stats(this.#clock.wallMs()))
  }

  async bill(ref: SandboxRef, signal: AbortSignal): Promise<SandboxBill | undefined> {
    return this.#run('bill', ref, signal, ({ finalMeter }) => finalMeter?.bill())
  }

  async *collect(ref: SandboxRef, path: string, signal: AbortSignal): AsyncGenerator<Buffer> {
    const until = AbortSignal.any([signal, this.#faults.life])
    const archive = await this.#run('collect', ref, signal, ({ files }) => files.archive(path))
    yield* breakable(archive, until)
  }

  async diskUsage(ref: SandboxRef, _limit: DiskUsage, signal: AbortSignal): Promise<DiskUsage> {
    return this.#run('diskUsage', ref, signal, ({ files }) => files.usage())
  }

  explainExit(exitCode: number, lastOutput: string): 'command_not_found' | undefined {
    return exitCode === 127 && lastOutput.includes('fake: no such command') ? 'command_not_found' : undefined
  }

  async *events(label: string, value: string, signal: AbortSignal): AsyncGenerator<EngineEvent> {
    await this.#faults.run('events', undefined, signal, () => {})
    yield* this.#sandboxes.listen(label, value, signal)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#sandboxes.clear()
    this.dropEvents()
  }

  async #run<T>(
    method: FakeMethod,
    ref: SandboxRef,
    signal: AbortSignal,
    effect: (sandbox: FakeSandbox) => T | Promise<T>,
  ): Promise<T> {
    return this.#faults.run(method, this.#sandboxes.find(ref)?.script, signal, () => {
      const sandbox = this.#sandboxes.find(ref)
      if (sandbox === undefined) throw new ErrandError('not_found', `no sandbox ${ref.name}`)
      this.#probe.assertCan(method)
      return effect(sandbox)
    })
  }
}
