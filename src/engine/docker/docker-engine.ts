import { type Clock, systemClock } from '../../core/clock.ts'
import { ErrandError } from '../../core/errors.ts'
import { type Log, silentLog } from '../../core/log.ts'
import type { Resources } from '../../core/resources.ts'
import type {
  Attachment,
  DiskUsage,
  Engine,
  EngineEvent,
  EngineProbe,
  ExecCommand,
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
import { containerRows } from './answers/containers.ts'
import { readJson } from './answers/read-answer.ts'
import { Bills } from './bills.ts'
import { DockerClient, type DockerReply, type EngineDeadlines } from './client.ts'
import { containerPath } from './container-path.ts'
import { createContainer } from './creation.ts'
import { diskUsage } from './disk-usage.ts'
import { DockerAttachment } from './docker-attachment.ts'
import type { EngineOperation } from './errors.ts'
import { containerEvents } from './events.ts'
import { runCommand } from './exec.ts'
import { explainExit } from './explain-exit.ts'
import { Firewall } from './firewall.ts'
import { freeze, thaw } from './freezing.ts'
import type { HostViewDeps } from './host-view.ts'
import { ImageConfigs } from './image-config.ts'
import { DockerImages } from './images.ts'
import { inspectContainer } from './inspection.ts'
import { keptFiles, keptOutput } from './kept.ts'
import { MountView } from './mount-view.ts'
import { type ExecutionNetworkOptions, type NetworkOptions, SandboxNetworks } from './network.ts'
import { askProbe } from './probe.ts'
import { removeContainer } from './removal.ts'
import { readStats } from './stats.ts'
import { toListing } from './view.ts'
import { removeUnusedVolumes } from './volumes.ts'

export interface DockerEngineOptions {
  /** The Engine's unix socket. */
  readonly socketPath: string
  /** Whose engine this is: names the networks and the firewall rules. */
  readonly installation: string
  readonly network: NetworkOptions
  /** Of the installation: its folders are mounted into sandboxes, if the Engine finds them. */
  readonly stateFolder?: string
  /** Default: no way out. */
  readonly executions?: ExecutionNetworkOptions
  readonly clock?: Clock
  readonly log?: Log
  readonly deadlines?: EngineDeadlines
  readonly firewall?: Firewall
}

interface Parts extends HostViewDeps {
  readonly imageConfigs: ImageConfigs
  readonly networks: SandboxNetworks
  readonly clock: Clock
  readonly bills: Bills
  readonly removeUnused: (signal: AbortSignal) => Promise<void>
}

/** Sandboxes as containers of one Docker Engine (API 1.41 and newer). */
export class DockerEngine implements Engine {
  readonly name = 'docker'
  readonly images: DockerImages
  readonly #client: DockerClient
  readonly #parts: Parts
  readonly #resources: AsyncDisposableStack

  private constructor(parts: Parts, resources: AsyncDisposableStack) {
    this.images = new DockerImages(parts.client, parts.clock)
    this.#client = parts.client
    this.#parts = parts
    this.#resources = resources
  }

  /**
   * Connects, and sets up the network; whoever opens it disposes it. Leaves nothing behind when it fails.
   * @throws engine_unavailable when no Engine answers, or it is too old; network_unavailable
   */
  static async open(options: DockerEngineOptions, signal: AbortSignal): Promise<DockerEngine> {
    const { installation, stateFolder, log = silentLog, firewall = new Firewall(), clock = systemClock } = options
    await using resources = new AsyncDisposableStack()
    const client = resources.use(await DockerClient.open(options, signal))
    const view = resources.use(await MountView.open())
    const deps = { client, firewall, log, installation }
    const { network, executions = { allowEgress: false } } = options
    const networks = resources.use(await SandboxNetworks.open(deps, network, executions, signal))
    const bills = resources.use(new Bills({ client, installation, log }))
    const removeUnused = async (listening: AbortSignal): Promise<void> => {
      await removeUnusedVolumes(client, installation, log, listening)
      await bills.discardUnused(listening)
    }
    const hostView = { client, installation, view, stateFolder }
    const parts = { ...hostView, imageConfigs: new ImageConfigs(client), networks, clock, bills, removeUnused }
    return new DockerEngine(parts, resources.move())
  }

  async probe(signal: AbortSignal): Promise<EngineProbe> {
    return askProbe(this.#parts, await this.#parts.networks.kinds(), signal)
  }

  /** Containers add nothing worth counting: init and shim take less than a MiB of the task's own limit. */
  footprint(spec: SandboxSpec): Resources {
    return spec.resources
  }

  async create(spec: SandboxSpec, identity: SandboxIdentity, signal: AbortSignal): Promise<SandboxRef> {
    return createContainer(this.#parts, spec, identity, signal)
  }

  async attach(ref: SandboxRef, sink: OutputSink, signal: AbortSignal): Promise<Attachment> {
    const query = { stream: '1', stdout: '1', stderr: '1' }
    const path = containerPath(ref.id, '/attach')
    const socket = await this.#client.hijack({ operation: 'attach', method: 'POST', path, query }, signal)
    return new DockerAttachment(socket, sink)
  }

  async start(ref: SandboxRef, signal: AbortSignal): Promise<void> {
    try {
      await this.#post('start', ref, '/start', signal)
    } catch (error) {
      if (ErrandError.from(error).code === 'network_unavailable') this.#parts.networks.suspect()
      throw error
    }
  }

  async inspect(ref: Pick<SandboxRef, 'name'>, signal: AbortSignal): Promise<SandboxView | undefined> {
    return inspectContainer(this.#client, ref.name, signal)
  }

  async list(label: string, value: string, signal: AbortSignal): Promise<SandboxListing[]> {
    const query = { all: '1', filters: JSON.stringify({ label: [`${label}=${value}`] }) }
    const reply = await this.#client.look({ operation: 'list', method: 'GET', path: '/containers/json', query }, signal)
    return readJson(containerRows, reply.body).map(toListing)
  }

  async signal(ref: SandboxRef, name: SignalName, signal: AbortSignal): Promise<void> {
    // 409: it does not run.
    await this.#post('signal', ref, `/kill?signal=${name}`, signal, [404, 409])
  }

  async remove(ref: SandboxRef, signal: AbortSignal): Promise<void> {
    const isOurs = await removeContainer(this.#client, ref, signal)
    if (!isOurs) await this.#parts.removeUnused(signal)
    await this.#parts.bills.discard(ref.name)
  }

  async pause(ref: SandboxRef, signal: AbortSignal): Promise<void> {
    await freeze(this.#client, ref, signal)
  }

  async resume(ref: SandboxRef, signal: AbortSignal): Promise<void> {
    await thaw(this.#client, ref, signal)
  }

  output(ref: SandboxRef, range: OutputRange, signal: AbortSignal): AsyncIterable<OutputChunk> {
    return keptOutput(this.#client, ref, range, signal)
  }

  async exec(
    ref: SandboxRef,
    command: ExecCommand,
    sink: OutputSink,
    signal: AbortSignal,
  ): Promise<{ readonly exitCode: number }> {
    return runCommand(this.#parts, ref.id, command, sink, signal)
  }

  async stats(ref: SandboxRef, signal: AbortSignal): Promise<SandboxStats | undefined> {
    return readStats(this.#parts, ref, signal)
  }

  async bill(ref: SandboxRef, signal: AbortSignal): Promise<SandboxBill | undefined> {
    signal.throwIfAborted()
    return this.#parts.bills.read(ref.name)
  }

  collect(ref: SandboxRef, path: string, signal: AbortSignal): AsyncIterable<Buffer> {
    return keptFiles(this.#client, ref, path, signal)
  }

  async diskUsage(ref: SandboxRef, limit: DiskUsage, signal: AbortSignal): Promise<DiskUsage | undefined> {
    return diskUsage(this.#client, ref, limit, signal)
  }

  explainExit(exitCode: number, lastOutput: string): 'command_not_found' | undefined {
    return explainExit(exitCode, lastOutput)
  }

  async *events(label: string, value: string, signal: AbortSignal): AsyncGenerator<EngineEvent> {
    const sinceMs = this.#parts.clock.wallMs()
    // An Engine that is listened to anew may have been restarted.
    await this.#parts.removeUnused(signal)
    yield* containerEvents(this.#client, { label, value, sinceMs }, signal)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync()
  }

  async #post(
    operation: EngineOperation,
    ref: SandboxRef,
    action: string,
    signal: AbortSignal,
    accept: readonly number[] = [],
  ): Promise<DockerReply> {
    const path = containerPath(ref.id, action)
    return this.#client.change({ operation, method: 'POST', path, accept }, signal)
  }
}
