import type { Admission } from '../admission/admission.ts'
import type { Cancellation } from '../core/cancellation.ts'
import type { Clock } from '../core/clock.ts'
import { ErrandError } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import { Deadline } from '../core/wait.ts'
import type { RuntimePolicy } from '../engine/choose.ts'
import type { Instances } from '../instance/instances.ts'
import type { KeptConfig } from '../journal/config-journal.ts'
import type { HostMonitor } from '../resources/host-monitor.ts'
import type { Ledger } from '../resources/ledger.ts'
import { abortable } from '../util/abort.ts'
import { Serial } from '../util/serial.ts'
import type { Pool } from '../warm/pool.ts'
import type { WarmInstance } from '../warm/roster.ts'
import type { ConfigHistory } from './config-history.ts'
import type { Gate } from './gate.ts'
import { type GrantLimits, limitGrant, offeredResources } from './grant.ts'
import type { InvocationService } from './invocation-service.ts'
import { offeredIsolations } from './isolations.ts'
import type {
  Forwarding,
  Grant,
  GrantChange,
  Invocation,
  NodeApi,
  NodeConfig,
  NodeDescription,
  NodeStats,
  TaskAnswer,
  TaskSink,
} from './node-api.ts'

export interface NodeDeps {
  readonly invocations: InvocationService
  readonly pool: Pool
  readonly instances: Instances
  readonly admission: Admission
  readonly ledger: Ledger
  readonly monitor: HostMonitor
  readonly gate: Gate
  readonly clock: Clock
  readonly log: Log
  readonly limits: GrantLimits
  readonly grant: Grant
  readonly configs: ConfigHistory
  readonly engine: NodeDescription['engine']
  readonly runtimes: Omit<RuntimePolicy, 'microVmRuntime'>
  /** Beside those of the engine; asked every time. */
  readonly warnings: () => readonly string[]
}

/** How long an instance may take to end by itself when the node pauses. */
const PAUSE_GRACE_MS = 10_000
/** Of the 30 s that a stop may take: for requests under way, and then for their instances. Executions are let go after that. */
const STOP_DRAIN_MS = 22_000
const STOP_GRACE_MS = 3000

/** For a configuration to be kept: less than a control call may take, whatever is the matter with the disk. */
const KEEPING_MS = 4000

/** One node: what may be asked of it, and the states that govern whether it takes work. */
export class Node implements NodeApi {
  readonly #deps: NodeDeps
  readonly #updates = new Serial()
  #config: NodeConfig
  #pausing: Promise<void> | undefined
  #resumed = new AbortController()
  #stopping: Promise<void> | undefined

  constructor(deps: NodeDeps) {
    this.#deps = deps
    this.#config = { grant: deps.grant, kept: deps.configs.current }
  }

  get config(): NodeConfig {
    return this.#config
  }

  loadConfig(version: number): Promise<KeptConfig> {
    return this.#deps.configs.load(version)
  }

  invoke(invocation: Invocation, cancellation: Cancellation): Promise<TaskAnswer> {
    return this.#deps.invocations.invoke(invocation, cancellation)
  }

  forward(forwarding: Forwarding, sink: TaskSink, cancellation: Cancellation): Promise<void> {
    return this.#deps.invocations.forward(forwarding, sink, cancellation)
  }

  instances(): readonly WarmInstance[] {
    return this.#deps.pool.list()
  }

  removeInstance(id: string): void {
    if (!this.#deps.pool.remove(id)) throw new ErrandError('not_found', `there is no instance ${id}`)
  }

  async pause(): Promise<void> {
    const { gate } = this.#deps
    if (gate.state === 'draining') throw new ErrandError('draining', 'the node is stopping')
    gate.shut('paused')
    this.#pausing ??= this.#drain(this.#resumed.signal)
    await this.#pausing
  }

  async unpause(): Promise<void> {
    const { gate, log } = this.#deps
    await this.#updates.run(async () => {}) // what began while the node was paused ends while it is
    if (gate.state === 'draining') throw new ErrandError('draining', 'the node is stopping')
    this.#endPause(new ErrandError('cancelled', 'the node was unpaused meanwhile'))
    gate.open()
    log.info({}, 'the node takes work')
  }

  async reconfigure(asked: Grant): Promise<Grant> {
    const { grant } = await this.#update(() => {
      if (this.#deps.gate.state === 'paused') return asked
      throw new ErrandError('validation_failed', 'the configuration can be updated only while the node is paused')
    })
    return grant
  }

  async adjust(change: GrantChange, assertCurrent: (config: NodeConfig) => void = () => {}): Promise<NodeConfig> {
    const config = await this.#update((current) => {
      assertCurrent(current)
      return { ...current.grant, ...change }
    })
    // What waits for room may have it now.
    this.#deps.admission.wake()
    return config
  }

  stats(): NodeStats {
    this.#deps.gate.assertOpen()
    return { ...this.#resources(), gpuModel: '' }
  }

  describe(): NodeDescription {
    const { gate, engine, runtimes, warnings } = this.#deps
    const policy = { ...runtimes, microVmRuntime: this.#config.grant.microVmRuntime }
    return {
      state: gate.state,
      resources: this.#resources(),
      engine,
      isolations: offeredIsolations(policy, engine.probe),
      warnings: [...engine.probe.warnings, ...warnings()],
    }
  }

  #resources(): NodeDescription['resources'] {
    const { monitor, ledger } = this.#deps
    const host = { ...monitor.capacity, cpuUsed: monitor.cpuUsed(), memoryUsed: monitor.memoryUsed() }
    return { host, offered: ledger.capacity, leased: ledger.reserved }
  }

  /** One after the other, so that no two are made from the same: kept first, then in force. */
  #update(next: (current: NodeConfig) => Grant): Promise<NodeConfig> {
    const { ledger, pool, limits, configs, clock, log } = this.#deps
    return this.#updates.run(async () => {
      const grant = limitGrant(next(this.#config), limits, log)
      using deadline = new Deadline(clock, KEEPING_MS, notKept)
      const kept = await configs.keep(grant, deadline.signal)
      this.#config = { grant, kept }
      ledger.setCapacity(offeredResources(grant, limits))
      pool.setKeepAlive(grant.keepAliveMs)
      log.info({ grant, version: kept.version }, 'the configuration was updated')
      return this.#config
    })
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  async #drain(resumed: AbortSignal): Promise<void> {
    const { gate, pool, instances, log } = this.#deps
    log.info({}, 'the node is paused; waiting for requests under way')
    await abortable(gate.empty(), resumed)
    await abortable(pool.clear(PAUSE_GRACE_MS), resumed)
    await abortable(instances.idle(), resumed)
    log.info({}, 'the node is paused and empty')
  }

  #endPause(reason: ErrandError): void {
    this.#resumed.abort(reason)
    this.#resumed = new AbortController()
    this.#pausing = undefined
  }

  async #stop(): Promise<void> {
    const { gate, pool, instances, invocations, admission, clock, log } = this.#deps
    const reason = new ErrandError('draining', 'the node is stopping')
    gate.shut('draining')
    this.#endPause(reason)
    log.info({}, 'the node is stopping; waiting for requests under way')
    using patience = new Deadline(clock, STOP_DRAIN_MS, () => reason)
    await abortable(gate.empty(), patience.signal).catch(() => invocations.cancelAll(reason))
    admission.close(reason)
    using removal = new Deadline(clock, STOP_GRACE_MS + 1500, () => reason)
    const isEmpty = pool.clear(STOP_GRACE_MS).then(() => instances.idle())
    await abortable(isEmpty, removal.signal).catch((error: unknown) => {
      log.warn({ err: error }, 'some instances could not be removed in time; the next start finds them')
    })
    pool[Symbol.dispose]()
  }
}

function notKept(): ErrandError {
  return new ErrandError('storage_error', `the journal did not keep the configuration within ${KEEPING_MS} ms`, {
    retryAfterMs: 1000,
  })
}
