import { constants } from 'node:os'
import { isDeepStrictEqual } from 'node:util'
import { ErrandError } from '../../core/errors.ts'
import type { EngineEvent, EngineProbe, SandboxIdentity, SandboxRef, SandboxSpec, SignalName } from '../engine.ts'
import { FakeEvents } from './fake-events.ts'
import type { FakeProbe } from './fake-probe.ts'
import { type FakeHost, FakeSandbox } from './fake-sandbox.ts'
import type { FakeScript } from './fake-script.ts'

/** The sandboxes of one fake engine by name, and what happens to them. */
export class FakeSandboxes {
  readonly #host: FakeHost
  readonly #probe: FakeProbe
  readonly #events = new FakeEvents()
  readonly #byName = new Map<string, FakeSandbox>()
  #created = 0

  constructor(host: FakeHost, probe: FakeProbe) {
    this.#host = host
    this.#probe = probe
  }

  get all(): FakeSandbox[] {
    return [...this.#byName.values()]
  }

  get listeners(): number {
    return this.#events.listeners
  }

  dropEvents(): void {
    this.#events.drop()
  }

  /** Every stream breaks; sandboxes run on, or are killed without anybody being told. */
  loseEngine(endsSandboxes: boolean): void {
    this.dropEvents()
    for (const sandbox of this.all) {
      sandbox.output.cut()
      if (endsSandboxes) sandbox.end(137)
    }
  }

  listen(label: string, value: string, signal: AbortSignal): AsyncGenerator<EngineEvent> {
    return this.#events.listen(label, value, signal)
  }

  /** Whether there is one of this image, running or not. */
  use(imageId: string): boolean {
    return this.all.some(({ spec }) => spec.imageId === imageId)
  }

  get(name: string): FakeSandbox | undefined {
    return this.#byName.get(name)
  }

  /** @throws not_found */
  load(name: string): FakeSandbox {
    const sandbox = this.#byName.get(name)
    if (sandbox === undefined) throw new ErrandError('not_found', `no sandbox ${name}`)
    return sandbox
  }

  /** A later sandbox of the same name is another one. */
  find(ref: SandboxRef): FakeSandbox | undefined {
    const sandbox = this.#byName.get(ref.name)
    return sandbox?.ref.id === ref.id ? sandbox : undefined
  }

  /** @throws as `Engine.create` */
  create(spec: SandboxSpec, identity: SandboxIdentity, script: FakeScript | undefined): SandboxRef {
    const existing = this.#byName.get(identity.name)
    if (existing !== undefined) {
      if (isDeepStrictEqual(existing.labels, { ...identity.labels })) return existing.ref
      throw new ErrandError('already_exists', `the name ${identity.name} belongs to another sandbox`)
    }
    if (script === undefined) throw new ErrandError('image_not_found', `no image ${spec.imageId}`)
    checkSpec(spec, this.#probe.now)
    this.#created += 1
    const id = this.#created.toString(16).padStart(64, '0')
    const sandbox = new FakeSandbox({ id, spec, identity, script }, this.#host, ({ exitCode }) =>
      this.#events.publish(identity.labels, { kind: 'exited', id, exitCode }),
    )
    this.#byName.set(identity.name, sandbox)
    return sandbox.ref
  }

  /** As whoever uses the engine has it done. */
  signal(sandbox: FakeSandbox, name: SignalName): void {
    this.#tellOf(sandbox, name)
    sandbox.signal(name)
  }

  #tellOf(sandbox: FakeSandbox, name: SignalName): void {
    if (!sandbox.isLive) return
    this.#events.publish(sandbox.labels, { kind: 'signalled', id: sandbox.ref.id, signal: constants.signals[name] })
  }

  /** `end` is how it goes; once that is done nothing of it is left. */
  async remove(sandbox: FakeSandbox, end: (sandbox: FakeSandbox) => Promise<void>): Promise<void> {
    this.#tellOf(sandbox, 'SIGKILL')
    await end(sandbox)
    if (this.find(sandbox.ref) !== sandbox) return
    this.#byName.delete(sandbox.ref.name)
    this.#events.publish(sandbox.labels, { kind: 'removed', id: sandbox.ref.id })
  }

  async clear(): Promise<void> {
    await Promise.all(this.all.map((sandbox) => sandbox.close()))
    this.#byName.clear()
  }
}

/** Refuses what the probe has said that there is not. */
function checkSpec(spec: SandboxSpec, probe: EngineProbe): void {
  if (!probe.runtimes.has(spec.runtime)) {
    throw new ErrandError('runtime_unavailable', `the engine has no runtime called ${spec.runtime}`)
  }
  const hasPorts = (spec.ports ?? []).length > 0
  const impossible = [
    !probe.networks.has(spec.network) && `the network ${spec.network}`,
    hasPorts && !probe.canPublish && 'ports of the host',
    hasPorts && spec.network === 'none' && 'ports without a network',
    spec.diskBytes !== undefined && !probe.canLimitDisk && 'a quota of the disk',
    spec.mounts?.some(({ kind }) => kind === 'bind') === true && !probe.canMount && 'folders of the host',
  ].filter((reason) => reason !== false)
  if (impossible.length > 0) {
    throw new ErrandError('validation_failed', `the engine does not offer ${impossible.join(', ')}`)
  }
}
