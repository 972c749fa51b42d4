import type { Clock } from '../core/clock.ts'
import type { Log } from '../core/log.ts'
import { CONNECTION_LIMITS, limitsWithin, openFileLimit } from '../http/connection-limits.ts'
import { describeListenAddress, type ListenerConfig } from '../http/listener-config.ts'
import { Listeners } from '../http/listeners.ts'
import { type MecaOptions, mecaHandler } from '../http/meca/face.ts'
import { Outbox } from '../http/outbox.ts'
import type { NodeApi } from '../service/node-api.ts'
import { ByteBudget } from '../util/byte-budget.ts'
import type { Config } from './config/config.ts'

/** What the bodies of all requests under way may hold in memory: at least this, and never less than a few of the largest. */
const BODY_BYTES = 32 * 1024 * 1024
const FEWEST_LARGEST_BODIES = 4

export interface OpenListenersDeps {
  readonly node: NodeApi
  readonly clock: Clock
  readonly log: Log
  /** Shared with answers that are still being gathered. */
  readonly answerMemory: ByteBudget
  /** Called when `POST /stop` was answered. */
  readonly onStop: () => void
}

/** Serves a node on every address of the configuration. @throws already_exists, forbidden, validation_failed */
export async function openListeners(config: Config, deps: OpenListenersDeps, signal: AbortSignal): Promise<Listeners> {
  const { node, clock, log, answerMemory, onStop } = deps
  const { maxRequestBytes } = config.tasks
  const shared = {
    node,
    log,
    onStop,
    clock,
    bodies: new ByteBudget(Math.max(BODY_BYTES, FEWEST_LARGEST_BODIES * maxRequestBytes)),
    outbox: new Outbox(clock, log, answerMemory),
    maxRequestBytes,
    allowedHosts: config.allowedHosts,
    strictCompat: config.isMecaStrict,
    accessLog: config.log.hasAccessLog,
  }
  const handlerFor = (listener: ListenerConfig) => mecaHandler({ ...shared, ...optionsOf(listener) })
  const openFiles = await openFileLimit()
  const limits = limitsWithin(openFiles, config.listeners.length)
  if (limits.maxConnections < CONNECTION_LIMITS.maxConnections) {
    const { maxConnections } = limits
    log.warn({ openFiles, maxConnections }, 'few open files are allowed (ulimit -n); fewer connections are taken')
  }
  return Listeners.open(config.listeners, { log, handlerFor, limits }, signal)
}

function optionsOf({ address, hasControl }: ListenerConfig): Pick<MecaOptions, 'caller' | 'hasControl' | 'isTcp'> {
  // Whoever reaches a listener is one caller: instances are not shared across listeners.
  return { caller: { id: describeListenAddress(address) }, hasControl, isTcp: !('unixPath' in address) }
}
