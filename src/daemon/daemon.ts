import { cpus } from 'node:os'
import { Admission } from '../admission/admission.ts'
import { StartPermits } from '../admission/start-permits.ts'
import { systemClock } from '../core/clock.ts'
import { randomId } from '../core/ids.ts'
import type { Log } from '../core/log.ts'
import type { Engine } from '../engine/engine.ts'
import { reach } from '../forward/reach.ts'
import { describeListenAddress } from '../http/listener-config.ts'
import { Listeners } from '../http/listeners.ts'
import { mecaHandler } from '../http/meca/face.ts'
import { ImageStore } from '../images/image-store.ts'
import type { Installation } from '../instance/identity.ts'
import { Instances } from '../instance/instances.ts'
import { HOST_ROOTS, HostMonitor } from '../resources/host-monitor.ts'
import { Ledger } from '../resources/ledger.ts'
import { Gate } from '../service/gate.ts'
import { type GrantLimits, limitGrant, offeredResources } from '../service/grant.ts'
import { InvocationService } from '../service/invocation-service.ts'
import { Node } from '../service/node.ts'
import { ColdStart } from '../warm/cold-start.ts'
import { Pool } from '../warm/pool.ts'
import type { Config } from './config/config.ts'
import { openDocker } from './open-docker.ts'
import { StateFolder } from './state-folder.ts'

export interface DaemonDeps {
  readonly log: Log
  /** Another engine than the Docker Engine of the configuration. The daemon disposes it. */
  readonly openEngine?: (installation: Installation, signal: AbortSignal) => Promise<Engine>
}

/** The port on which a task's server listens, as in the MECAnywhere executor. */
const TASK_PORT = 8080

/** A running node: everything put together, from the state folder to the listeners. */
export class Daemon implements AsyncDisposable {
  /** Resolves after `stop`, or `POST /stop`, has removed everything. */
  readonly stopped: Promise<void>
  readonly node: Node
  readonly addresses: readonly string[]
  readonly #listeners: Listeners
  readonly #held: AsyncDisposableStack
  readonly #stopped = Promise.withResolvers<void>()
  #stopping: Promise<void> | undefined

  private constructor(node: Node, listeners: Listeners, held: AsyncDisposableStack) {
    this.node = node
    this.addresses = listeners.addresses.map(describeListenAddress)
    this.stopped = this.#stopped.promise
    this.#listeners = listeners
    this.#held = held
  }

  /**
   * Opens the node and serves. Removes what an earlier daemon of the same state folder left behind.
   * @throws storage_error when another daemon has the state folder; engine_unavailable, network_unavailable;
   * already_exists, forbidden for addresses that cannot be had. Nothing is left open then.
   */
  static async open(config: Config, deps: DaemonDeps, signal: AbortSignal): Promise<Daemon> {
    await using opening = new AsyncDisposableStack()
    const { node, stop } = await openNode(config, deps, opening, signal)
    const listeners = opening.use(await openListeners(config, deps.log, node, stop.request, signal))
    const daemon = new Daemon(node, listeners, opening.move())
    stop.handle(() => void daemon.stop())
    deps.log.info({ addresses: daemon.addresses, node: config.node }, 'the node serves')
    return daemon
  }

  /** Refuses new work, gives requests under way up to 25 s, removes every instance, closes. Idempotent, at most 30 s. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  async #stop(): Promise<void> {
    await this.node.stop()
    await this.#listeners.close()
    await this.#held.disposeAsync()
    this.#stopped.resolve()
  }
}

/** Lets `POST /stop`, which can arrive before the daemon is whole, be acted on afterwards. */
class StopRequest {
  readonly #asked = Promise.withResolvers<void>()
  readonly request = (): void => this.#asked.resolve()

  handle(stop: () => void): void {
    void this.#asked.promise.then(stop)
  }
}

async function openNode(
  config: Config,
  deps: DaemonDeps,
  held: AsyncDisposableStack,
  signal: AbortSignal,
): Promise<{ node: Node; stop: StopRequest }> {
  const { log } = deps
  const clock = systemClock
  const state = held.use(await StateFolder.open(config.stateDir))
  const { installation } = state
  const monitor = held.use(HostMonitor.open({ clock, roots: HOST_ROOTS }))
  const openEngine = deps.openEngine ?? ((ours: Installation) => openDocker(config, ours, signal))
  const engine = held.use(await openEngine(installation, signal))
  const probe = await engine.probe(signal)
  for (const warning of probe.warnings) log.warn({ engine: engine.name }, warning)

  const limits: GrantLimits = {
    hostCpuMillis: monitor.capacity.cpuMillis,
    hostMemoryBytes: monitor.capacity.memoryBytes,
    cpuOvercommit: config.resources.cpuOvercommit,
  }
  const grant = limitGrant(config.grant, limits, log)
  const ledger = new Ledger(offeredResources(grant, limits))
  const gate = new Gate()
  const admission = new Admission({
    ledger,
    host: monitor,
    idle: () => pool.idle(),
    clock,
    limits: { queueLimit: config.tasks.queueLimit, ...config.resources },
  })
  const permits = new StartPermits(cpus().length)
  const intend = async (): Promise<void> => {}
  const instances = held.use(
    await Instances.open({ engine, reach, clock, log, intend, installation, node: config.node, permits }, signal),
  )
  const leftovers = await instances.removeLeftovers(signal)
  if (leftovers > 0) log.info({ leftovers }, 'removed what an earlier daemon left behind')

  const coldStart = new ColdStart({
    engine,
    probe,
    images: new ImageStore({ images: engine.images, clock, log, ...config.images }),
    admission,
    instances,
    newId: randomId,
    runtimes: () => ({
      microVmRuntime: node.grant.microVmRuntime,
      allowUnenforced: config.isolation.allowUnenforced,
    }),
    sgx: config.sgx.isEnabled ? config.sgx : undefined,
    port: TASK_PORT,
    tracker: monitor,
    ...config.tasks,
  })
  const pool = new Pool({
    coldStart,
    clock,
    log,
    keepAliveMs: grant.keepAliveMs,
    onIdle: () => admission.wake(),
    ...config.tasks,
  })
  const invocations = new InvocationService({ pool, gate, clock, ...config.tasks })
  const node = new Node({ invocations, pool, instances, admission, ledger, monitor, gate, clock, log, limits, grant })
  return { node, stop: new StopRequest() }
}

async function openListeners(
  config: Config,
  log: Log,
  node: Node,
  onStop: () => void,
  signal: AbortSignal,
): Promise<Listeners> {
  return Listeners.open(
    config.listeners,
    {
      log,
      handlerFor: (listener) => {
        const isTcp = !('unixPath' in listener.address)
        // Whoever reaches one listener is one caller: instances are not shared across listeners.
        const caller = { id: describeListenAddress(listener.address) }
        return mecaHandler({
          node,
          caller,
          hasControl: listener.hasControl,
          isTcp,
          allowedHosts: config.allowedHosts,
          maxRequestBytes: config.tasks.maxRequestBytes,
          strictCompat: config.isMecaStrict,
          accessLog: config.log.hasAccessLog,
          log,
          onStop,
        })
      },
    },
    signal,
  )
}
