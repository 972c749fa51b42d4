import { type Clock, systemClock } from '../../core/clock.ts'
import { ErrandError } from '../../core/errors.ts'
import { type Log, silentLog } from '../../core/log.ts'
import type { Resources } from '../../core/resources.ts'
import type {
  Attachment,
  Engine,
  EngineEvent,
  EngineProbe,
  OutputChunk,
  OutputSink,
  SandboxIdentity,
  SandboxListing,
  SandboxRef,
  SandboxSpec,
  SandboxView,
  SignalName,
} from '../engine.ts'
import { DockerClient, type DockerReply, type EngineDeadlines } from './client.ts'
import { demultiplex } from './demultiplexer.ts'
import { DockerAttachment } from './docker-attachment.ts'
import type { EngineOperation } from './errors.ts'
import { containerEvents } from './events.ts'
import { Firewall } from './firewall.ts'
import { ImageConfigs } from './image-config.ts'
import { DockerImages } from './images.ts'
import { type NetworkOptions, openNetwork, type SandboxNetwork } from './network.ts'
import { createBody } from './payload.ts'
import { seesVolumes, toProbe } from './probe.ts'
import { containerAnswer, containerRows, created, infoAnswer, readJson, versionAnswer } from './schemas.ts'
import { toListing, toView } from './view.ts'
import { removeUnusedVolumes } from './volumes.ts'

export interface DockerEngineOptions {
  /** The Engine's unix socket. */
  readonly socketPath: string
  /** Whose engine this is: names the network and the firewall rule. */
  readonly installation: string
  readonly network: NetworkOptions
  readonly clock?: Clock
  readonly log?: Log
  readonly deadlines?: EngineDeadlines
  readonly firewall?: Firewall
}

/** How the init process says that it could not execute the task's command (126: not executable, 127: not there). */
const TINI_FAILURE = /^\[FATAL tini \(\d+\)\] exec .* failed: /m
const TINI_EXIT_CODES: readonly number[] = [126, 127]

interface Parts {
  readonly client: DockerClient
  readonly network: SandboxNetwork
  readonly clock: Clock
  readonly removeUnused: (signal: AbortSignal) => Promise<void>
}

/** Sandboxes as containers of one Docker Engine (API 1.41 and newer), on one network. */
export class DockerEngine implements Engine {
  readonly name = 'docker'
  readonly images: DockerImages
  readonly #client: DockerClient
  readonly #imageConfigs: ImageConfigs
  readonly #network: SandboxNetwork
  readonly #clock: Clock
  readonly #removeUnused: Parts['removeUnused']
  readonly #resources: AsyncDisposableStack

  private constructor({ client, network, clock, removeUnused }: Parts, resources: AsyncDisposableStack) {
    this.images = new DockerImages(client, clock)
    this.#client = client
    this.#imageConfigs = new ImageConfigs(client)
    this.#network = network
    this.#clock = clock
    this.#removeUnused = removeUnused
    this.#resources = resources
  }

  /**
   * Connects, and sets up the network; whoever opens it disposes it. Leaves nothing behind when it fails.
   * @throws engine_unavailable when no Engine answers, or it is too old; network_unavailable
   */
  static async open(options: DockerEngineOptions, signal: AbortSignal): Promise<DockerEngine> {
    const { installation, log = silentLog, firewall = new Firewall(), clock = systemClock } = options
    await using resources = new AsyncDisposableStack()
    const client = resources.use(await DockerClient.open(options, signal))
    const network = resources.use(await openNetwork({ client, firewall, log, installation }, options.network, signal))
    const removeUnused = (listening: AbortSignal): Promise<void> =>
      removeUnusedVolumes(client, installation, log, listening)
    return new DockerEngine({ client, network, clock, removeUnused }, resources.move())
  }

  async probe(signal: AbortSignal): Promise<EngineProbe> {
    const look = (path: string): Promise<DockerReply> =>
      this.#client.look({ operation: 'probe', method: 'GET', path }, signal)
    const [version, answer] = await Promise.all([look('/version'), look('/info')])
    const info = readJson(infoAnswer, answer.body)
    return toProbe(readJson(versionAnswer, version.body).Version, info, await seesVolumes(info.DockerRootDir))
  }

  /** Containers add nothing worth counting: init and shim take less than a MiB of the task's own limit. */
  footprint(spec: SandboxSpec): Resources {
    return spec.resources
  }

  async create(spec: SandboxSpec, identity: SandboxIdentity, signal: AbortSignal): Promise<SandboxRef> {
    const { name } = identity
    const [image] = await Promise.all([this.#imageConfigs.read(spec.imageId, signal), this.#network.ensure(signal)])
    const body = createBody(spec, identity, this.#network.name, image)
    const path = '/containers/create'
    const reply = await this.#client.change(
      { operation: 'create', method: 'POST', path, query: { name }, body, accept: [409] },
      signal,
    )
    if (reply.status !== 409) return { name, id: readJson(created, reply.body).Id }
    return this.#existing(identity, signal)
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
      if (ErrandError.from(error).code === 'network_unavailable') this.#network.suspect()
      throw error
    }
  }

  async inspect(ref: Pick<SandboxRef, 'name'>, signal: AbortSignal): Promise<SandboxView | undefined> {
    const path = containerPath(ref.name, '/json')
    const reply = await this.#client.look({ operation: 'inspect', method: 'GET', path, accept: [404] }, signal)
    return reply.status === 404 ? undefined : toView(readJson(containerAnswer, reply.body), this.#network.name)
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
    // A frozen process cannot die. One that is not frozen, or not there, is refused: the removal will tell.
    await this.#post('resume', ref, '/unpause', signal, [404, 409, 500])
    const query = { force: '1', v: '1' }
    const path = containerPath(ref.id)
    const reply = await this.#client.change(
      { operation: 'remove', method: 'DELETE', path, query, accept: [404, 409] },
      signal,
    )
    if (reply.status === 409) await this.#untilRemoved(ref, signal)
    // Removed by somebody else: its volume may have been left behind.
    if (reply.status >= 400) await this.#removeUnused(signal)
  }

  async pause(ref: SandboxRef, signal: AbortSignal): Promise<void> {
    await this.#post('pause', ref, '/pause', signal)
  }

  async resume(ref: SandboxRef, signal: AbortSignal): Promise<void> {
    await this.#post('resume', ref, '/unpause', signal)
  }

  async *output(ref: SandboxRef, lastLines: number, signal: AbortSignal): AsyncGenerator<OutputChunk> {
    const query = { stdout: '1', stderr: '1', tail: String(lastLines) }
    const request = { operation: 'output', method: 'GET', path: containerPath(ref.id, '/logs'), query } as const
    using body = await this.#client.stream(request, this.#client.deadlines.inspectMs, signal)
    yield* demultiplex(body)
  }

  explainExit(exitCode: number, lastOutput: string): 'command_not_found' | undefined {
    return TINI_EXIT_CODES.includes(exitCode) && TINI_FAILURE.test(lastOutput) ? 'command_not_found' : undefined
  }

  async *events(label: string, value: string, signal: AbortSignal): AsyncGenerator<EngineEvent> {
    const sinceMs = this.#clock.wallMs()
    // An Engine that is listened to anew may have been restarted.
    await this.#removeUnused(signal)
    yield* containerEvents(this.#client, { label, value, sinceMs }, signal)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync()
  }

  /** The name is taken: by ourselves, in a call whose answer was lost, or by something else. */
  async #existing(identity: SandboxIdentity, signal: AbortSignal): Promise<SandboxRef> {
    const view = await this.inspect(identity, signal)
    const isSame = Object.entries(identity.labels).every(([label, value]) => view?.labels[label] === value)
    if (view !== undefined && isSame) return { name: identity.name, id: view.id }
    throw new ErrandError('already_exists', `the name ${identity.name} belongs to another container`)
  }

  /** Somebody else's removal is under way: ours is done when theirs is. */
  async #untilRemoved(ref: SandboxRef, signal: AbortSignal): Promise<void> {
    await this.#post('remove', ref, '/wait?condition=removed', signal, [404], true)
    const view = await this.inspect(ref, signal)
    if (view?.id === ref.id) throw new ErrandError('internal', `the Docker Engine could not remove ${ref.name}`)
  }

  async #post(
    operation: EngineOperation,
    ref: SandboxRef,
    action: string,
    signal: AbortSignal,
    accept: readonly number[] = [],
    isLong = false,
  ): Promise<DockerReply> {
    const path = containerPath(ref.id, action)
    return this.#client.change({ operation, method: 'POST', path, accept, isLong }, signal)
  }
}

function containerPath(nameOrId: string, action = ''): string {
  return `/containers/${encodeURIComponent(nameOrId)}${action}`
}
