import type { RequestListener } from 'node:http'
import type { Clock } from '../core/clock.ts'
import type { Log } from '../core/log.ts'
import { authenticatePeer } from '../http/auth.ts'
import { TokenFile } from '../http/auth-token-file.ts'
import { TokenGate } from '../http/auth-token-gate.ts'
import { CONNECTION_LIMITS, limitsWithin, openFileLimit } from '../http/connection-limits.ts'
import { handlerOf } from '../http/faces.ts'
import { describeListenAddress, type ListenerConfig } from '../http/listener-config.ts'
import { Listeners } from '../http/listeners.ts'
import { type MecaOptions, mecaHandler } from '../http/meca/face.ts'
import { metricsHandler } from '../http/metrics-face.ts'
import { docsHandler } from '../http/openapi/face.ts'
import { Outbox } from '../http/outbox.ts'
import { v1Handler } from '../http/v1/face.ts'
import { V1_OPERATIONS } from '../http/v1/routes.ts'
import { Slots } from '../http/v1/slots.ts'
import type { ExecutionsApi } from '../service/executions-api.ts'
import type { LaterApi } from '../service/invocations/later-api.ts'
import type { NodeApi } from '../service/node-api.ts'
import type { NamedTasksApi } from '../service/tasks/named-tasks.ts'
import { ByteBudget } from '../util/byte-budget.ts'
import type { Config } from './config/config.ts'
import type { NodeMetrics } from './metrics/node-metrics.ts'
import { packageVersion } from './package-version.ts'

/** What the bodies of all requests under way may hold in memory: at least this, and never less than a few of the largest. */
const BODY_BYTES = 32 * 1024 * 1024
const FEWEST_LARGEST_BODIES = 4

/** Streams at once, on all listeners. Each can hold an open file beside its connection. One caller gets half at most. */
const MOST_STREAMS = 512
/** Waits at once: one caller can wait for everything that the queue of executions takes. */
const MOST_WAITS = 4096

export interface OpenListenersDeps {
  readonly node: NodeApi
  readonly executions: ExecutionsApi
  readonly tasks: NamedTasksApi
  readonly later: LaterApi
  /** There where a listener has the face. */
  readonly metrics: NodeMetrics | undefined
  readonly clock: Clock
  readonly log: Log
  /** Shared with answers that are still being gathered. */
  readonly answerMemory: ByteBudget
  /** Called when `POST /stop` was answered. */
  readonly onStop: () => void
}

/** Serves a node on every address of the configuration. @throws already_exists, forbidden, validation_failed */
export async function openListeners(config: Config, deps: OpenListenersDeps, signal: AbortSignal): Promise<Listeners> {
  const { clock, log } = deps
  const handlerFor = faces(config, deps)
  const openFiles = await openFileLimit()
  const limits = limitsWithin(openFiles, config.listeners.length)
  if (limits.maxConnections < CONNECTION_LIMITS.maxConnections) {
    const { maxConnections } = limits
    log.warn({ openFiles, maxConnections }, 'few open files are allowed (ulimit -n); fewer connections are taken')
  }
  return Listeners.open(config.listeners, { clock, log, handlerFor, limits }, signal)
}

/** What all listeners share is made once. */
function faces(config: Config, deps: OpenListenersDeps): (listener: ListenerConfig) => RequestListener {
  const { node, executions, tasks, later, metrics, clock, log, answerMemory, onStop } = deps
  const { maxRequestBytes } = config.tasks
  const shared = {
    node,
    log,
    clock,
    bodies: new ByteBudget(Math.max(BODY_BYTES, FEWEST_LARGEST_BODIES * maxRequestBytes)),
    outbox: new Outbox(clock, log, answerMemory),
    allowedHosts: config.allowedHosts,
    accessLog: config.log.hasAccessLog,
    meter: metrics?.http,
  }
  const ofMeca = { ...shared, onStop, maxRequestBytes, strictCompat: config.isMecaStrict }
  const version = packageVersion()
  const slots = { streams: new Slots(MOST_STREAMS, 'streams'), waits: new Slots(MOST_WAITS, 'waits') }
  metrics?.watchSlots(slots)
  const ofV1 = {
    ...shared,
    executions,
    tasks,
    later,
    maxLaterBytes: config.invocations.maxRequestBytes,
    nodeName: config.node,
    version,
    ...slots,
  }
  const ofDocs = { ...shared, operations: V1_OPERATIONS, version }
  const gate = new TokenGate({ tokens: new TokenFile(config.auth.tokensFile), clock, log })
  return (listener) => {
    const { auth, faces: served } = listener
    const isTcp = !('unixPath' in listener.address)
    const authenticate = auth === 'peer' ? authenticatePeer : gate.authenticate
    const meca = served.has('meca') ? mecaHandler({ ...ofMeca, ...optionsOf(listener) }) : undefined
    const v1 = served.has('v1') ? v1Handler({ ...ofV1, isTcp, authenticate }) : undefined
    const docs = served.has('docs') ? docsHandler({ ...ofDocs, isTcp }) : undefined
    const hasMetrics = metrics !== undefined && served.has('metrics')
    const scraped = hasMetrics ? metricsHandler({ ...shared, isTcp, authenticate, exposition: metrics }) : undefined
    return handlerOf({ meca, v1, docs, metrics: scraped })
  }
}

function optionsOf({ address, hasControl }: ListenerConfig): Pick<MecaOptions, 'caller' | 'hasControl' | 'isTcp'> {
  // Whoever reaches a listener is one caller: instances are not shared across listeners.
  return { caller: { id: describeListenAddress(address) }, hasControl, isTcp: !('unixPath' in address) }
}
