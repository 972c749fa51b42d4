import { mkdir } from 'node:fs/promises'
import { type Clock, systemClock } from '../core/clock.ts'
import { ErrandError } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import { Deadline } from '../core/wait.ts'
import type { Engine } from '../engine/engine.ts'
import { assertListenable } from '../http/assert-listenable.ts'
import { describeListenAddress } from '../http/listener-config.ts'
import type { Listeners } from '../http/listeners.ts'
import type { Installation } from '../instance/identity.ts'
import type { ExecutionsApi } from '../service/executions-api.ts'
import type { NodeApi } from '../service/node-api.ts'
import type { NamedTasksApi } from '../service/tasks/named-tasks.ts'
import { abortable } from '../util/abort.ts'
import { ByteBudget } from '../util/byte-budget.ts'
import { collectGarbage } from '../util/collect-garbage.ts'
import { Heartbeat } from '../util/heartbeat.ts'
import { IdleCollection } from '../util/idle-collection.ts'
import type { ResolveName } from '../webhooks/webhook-sender.ts'
import type { Config } from './config/config.ts'
import { LoopWatch } from './loop-watch.ts'
import { openMetrics } from './metrics/open-metrics.ts'
import { openDocker } from './open-docker.ts'
import { openListeners } from './open-listeners.ts'
import { openNode } from './open-node.ts'
import { openTracing } from './tracing/open-tracing.ts'

export interface DaemonDeps {
  readonly log: Log
  /** Another engine than the Docker Engine of the configuration. The daemon disposes it. */
  readonly openEngine?: (installation: Installation, signal: AbortSignal) => Promise<Engine>
  readonly clock?: Clock
  /** Resolves the names of webhooks' receivers in place of this host. */
  readonly resolveWebhook?: ResolveName
}

/** What answers may hold from their gathering until callers took them: at least this, and never less than two of the largest. */
const ANSWER_BYTES = 32 * 1024 * 1024
const FEWEST_LARGEST_ANSWERS = 2

/** How long callers may take to read the last answers. */
const LAST_ANSWERS_MS = 500

const cutOff = (): ErrandError => new ErrandError('draining', 'the node has stopped')

interface DaemonParts {
  readonly node: NodeApi
  readonly executions: ExecutionsApi
  readonly tasks: NamedTasksApi
  readonly listeners: Listeners
  readonly clock: Clock
  readonly log: Log
  /** How long a stop waits for executions that run. */
  readonly drainTimeoutMs: number
  readonly held: AsyncDisposableStack
}

/** A running node: everything put together, from the state folder to the listeners. */
export class Daemon implements AsyncDisposable {
  /** Resolves after `stop`, or `POST /stop`, has removed everything. */
  readonly stopped: Promise<void>
  /** The same as over HTTP, for embedders. */
  readonly node: NodeApi
  readonly executions: ExecutionsApi
  readonly tasks: NamedTasksApi
  /** Where it answers, in the order of the configuration, with the ports that the kernel chose. */
  readonly addresses: readonly string[]
  readonly #parts: DaemonParts
  readonly #stopped = Promise.withResolvers<void>()
  #stopping: Promise<void> | undefined
  #failure: ErrandError | undefined

  private constructor(parts: DaemonParts) {
    this.node = parts.node
    this.executions = parts.executions
    this.tasks = parts.tasks
    this.addresses = parts.listeners.addresses.map(describeListenAddress)
    this.stopped = this.#stopped.promise
    this.#parts = parts
  }

  /**
   * Opens the node and serves. Takes up what an earlier daemon of the same state folder left behind, or removes it.
   * @throws storage_error when another daemon has the state folder; engine_unavailable, network_unavailable;
   * already_exists, forbidden for addresses that cannot be had. Nothing is left open then.
   */
  static async open(config: Config, deps: DaemonDeps, signal: AbortSignal): Promise<Daemon> {
    const { log, clock = systemClock, resolveWebhook } = deps
    const engineOf = deps.openEngine ?? ((ours: Installation) => openDocker(config, ours, log, signal))
    const openEngine = async (installation: Installation): Promise<Engine> => {
      await assertServable(config)
      return engineOf(installation, signal)
    }
    await using opening = new AsyncDisposableStack()
    const answerMemory = new ByteBudget(Math.max(ANSWER_BYTES, FEWEST_LARGEST_ANSWERS * config.tasks.maxResponseBytes))
    // `POST /stop` can arrive before the daemon is whole, and so can the end of the journal.
    const stopAsked = Promise.withResolvers<ErrandError | undefined>()
    const onJournalFailure = (error: ErrandError): void => {
      log.error({ err: error }, 'the journal has failed: nothing can be kept any more, so the node stops')
      stopAsked.resolve(error)
    }
    const metrics = await openMetrics(config)
    if (metrics !== undefined) opening.use(metrics)
    const tracing = await openTracing(config, { clock, log }, opening)
    const heartbeat = new Heartbeat()
    const parts = {
      log,
      clock,
      heartbeat,
      answerMemory,
      openEngine,
      onJournalFailure,
      metrics,
      tracing,
      resolveWebhook,
    }
    const { node, executions, tasks, later, readings } = await openNode(config, parts, opening, signal)
    metrics?.watch(readings)
    collectGarbage() // now, while nobody waits for an answer
    const onStop = (): void => stopAsked.resolve(undefined)
    const serving = { node, executions, tasks, later, metrics, clock, log, answerMemory, onStop }
    opening.use(new LoopWatch({ clock, log, heartbeat }))
    opening.use(new IdleCollection({ clock }))
    const listeners = opening.use(await openListeners(config, serving, signal))
    const daemon = new Daemon({
      node,
      executions,
      tasks,
      listeners,
      clock,
      log,
      drainTimeoutMs: config.drainTimeoutMs,
      held: opening.move(),
    })
    void stopAsked.promise.then((failure) => daemon.#stopFor(failure))
    log.info({ addresses: daemon.addresses, node: config.node }, 'the node serves')
    return daemon
  }

  /** Takes up certificates that were renewed. Never rejects: one that is wrong is logged, and the one before kept. */
  reload(): Promise<void> {
    return this.#parts.listeners.reload()
  }

  /**
   * Refuses new work, gives requests under way up to 22 s, removes every instance, closes. Idempotent, at most 30 s. Never
   * rejects.
   */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  /** Why it stopped without being asked: storage_error when its journal failed. The next daemon takes everything up. */
  get failure(): ErrandError | undefined {
    return this.#failure
  }

  #stopFor(failure: ErrandError | undefined): Promise<void> {
    this.#failure = failure
    return this.stop()
  }

  async #stop(): Promise<void> {
    try {
      await this.#letGo()
    } catch (error) {
      this.#parts.log.error({ err: error }, 'the node could not close all it held; the next start finds it')
    } finally {
      this.#stopped.resolve()
    }
  }

  async #letGo(): Promise<void> {
    const { listeners, clock, held } = this.#parts
    await using _everything = held
    await this.node.stop()
    await this.#drain()
    // Every request is answered by now; whoever does not take the answer is cut off with the rest.
    using patience = new Deadline(clock, LAST_ANSWERS_MS, cutOff)
    await abortable(listeners.close(), patience.signal).catch(() => {})
  }

  /** Executions go on without a daemon; an owner may want those that run to be over all the same. */
  async #drain(): Promise<void> {
    const { drainTimeoutMs, log, clock } = this.#parts
    if (drainTimeoutMs === 0) return
    const { running } = this.executions.counts()
    if (running > 0) log.info({ running, drainTimeoutMs }, 'waiting for executions that run')
    const overdue = new ErrandError('deadline_exceeded', 'executions run on; the next daemon takes them up')
    using patience = new Deadline(clock, drainTimeoutMs, () => overdue)
    await this.executions
      .untilNoneRuns(patience.signal)
      .catch((error: unknown) => log.warn({ err: error }, overdue.message))
  }
}

/**
 * Once the state folder is ours, and before anything is made outside of it: a start that fails for an address or a certificate
 * leaves neither a network nor a rule of the firewall.
 */
async function assertServable({ runDir, listeners }: Config): Promise<void> {
  await makeRunDir(runDir)
  for (const listener of listeners) await assertListenable(listener)
}

/** Open to be passed through: who may use a socket in it, the socket itself says. */
async function makeRunDir(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o755 }).catch((cause: Error) => {
    throw new ErrandError('storage_error', `runDir cannot be made: ${cause.message}`, { details: { path }, cause })
  })
}
