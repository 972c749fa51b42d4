import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Admission } from '../admission/admission.ts'
import type { Clock } from '../core/clock.ts'
import type { ErrandError } from '../core/errors.ts'
import { randomId } from '../core/ids.ts'
import type { Log } from '../core/log.ts'
import type { AssertSound } from '../engine/choose.ts'
import { probeDisk } from '../images/disk-space.ts'
import { LowWaterMark } from '../images/low-water-mark.ts'
import { DISK_PERIOD_MS } from '../instance/disk-watch.ts'
import { JOURNAL_FILE, SqliteJournal } from '../journal/sqlite/sqlite-journal.ts'
import { readBootId } from '../resources/boot-id.ts'
import type { HostMonitor } from '../resources/host-monitor.ts'
import { ConfigHistory } from '../service/config-history.ts'
import { ExecutionService } from '../service/execution-service.ts'
import type { ExecutionEngine } from '../service/executions/execution-deps.ts'
import type { ExecutionsApi } from '../service/executions-api.ts'
import type { ExecutionRecord } from '../service/executor.ts'
import type { Gate } from '../service/gate.ts'
import type { Grant } from '../service/node-api.ts'
import type { Heartbeat } from '../util/heartbeat.ts'
import type { Webhooks } from '../webhooks/webhooks.ts'
import type { Config } from './config/config.ts'
import { effectiveConfig } from './config/effective-config.ts'
import { FaultHook } from './faults/fault-hook.ts'
import type { NodeMetrics } from './metrics/node-metrics.ts'
import type { Tracing } from './tracing/open-tracing.ts'
import { executionEvent } from './webhook-events.ts'

interface OpenExecutionsDeps {
  readonly engine: ExecutionEngine
  /** In force from the start. */
  readonly grant: Grant
  readonly admission: Admission
  readonly monitor: HostMonitor
  readonly webhooks: Webhooks
  readonly gate: Gate
  readonly assertSound: AssertSound
  readonly onJournalFailure: (error: ErrandError) => void
  readonly metrics: NodeMetrics | undefined
  readonly tracing: Tracing | undefined
  readonly clock: Clock
  readonly log: Log
  readonly heartbeat: Heartbeat
}

export interface OpenedExecutions {
  readonly executions: ExecutionsApi
  readonly configs: ConfigHistory
}

/**
 * Opens the executions of a node, and takes up those that an earlier daemon left. `held` lets go of them: what runs goes
 * on, for the next daemon to take up.
 */
export async function openExecutions(
  config: Config,
  deps: OpenExecutionsDeps,
  held: AsyncDisposableStack,
  signal: AbortSignal,
): Promise<OpenedExecutions> {
  const { engine, grant, admission, monitor, webhooks, gate, assertSound, clock, log } = deps
  const { heartbeat, onJournalFailure, metrics, tracing } = deps
  const { stateDir, runDir, isolation, sgx } = config
  const folder = join(stateDir, 'executions')
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const { storageFolder } = engine.probe
  const failed = Promise.withResolvers<void>()
  const onFailure = (error: ErrandError): void => {
    failed.resolve()
    onJournalFailure(error)
  }
  const journal = held.use(
    await SqliteJournal.open<ExecutionRecord>(join(stateDir, JOURNAL_FILE), {
      clock,
      onFailure,
      meter: metrics?.journal,
      heartbeat,
    }),
  )
  // The installation's for good: what a node is called may change from start to start.
  const executorId = await journal.adopt(config.node)
  const configs = new ConfigHistory({ journal, describe: (granted) => effectiveConfig(config, granted), clock })
  // Not worth a start: what runs has to be taken up, on a full disk, too.
  await configs.keep(grant, signal).catch((error: unknown) => {
    log.warn({ err: error }, 'the journal cannot keep the configuration: executions are accepted without its version')
  })
  const engineDisk = storageFolder === undefined ? {} : { engine: probeDisk(storageFolder) }
  const watched = { 'state folder': probeDisk(stateDir), ...engineDisk }
  const disks = new LowWaterMark({ disks: watched, clock, minFreeBytes: config.executions.minFreeBytes })
  const service = new ExecutionService({
    executorId,
    engines: new Map([[engine.engine.name, engine]]),
    admission,
    journal: new FaultHook(config.fault).journal(journal),
    tracker: monitor,
    clock,
    bootId: await readBootId(),
    log,
    newId: randomId,
    runtimes: { microVmRuntime: grant.microVmRuntime, ...isolation },
    assertSound,
    sgx: sgx.isEnabled ? sgx : undefined,
    defaults: config.executions,
    configVersion: () => configs.current?.version,
    folder,
    trash: join(stateDir, 'trash'),
    privatePaths: [stateDir, runDir, ...(storageFolder === undefined ? [] : [storageFolder])],
    watchPeriodMs: DISK_PERIOD_MS,
    assertRoom: () => disks.assertRoom(),
    webhooks: { outlet: webhooks, event: executionEvent },
    watchers: [metrics?.executions, tracing?.executions].filter((watcher) => watcher !== undefined),
    async assertOpen() {
      gate.assertOpen()
      await disks.assertRoom()
    },
  })
  held.defer(() => service.detach())
  // What ends from now on is for the next daemon: nothing could be said of it.
  void failed.promise.then(() => service.detach())
  const taken = await service.recover(signal)
  if (taken > 0) log.info({ executions: taken }, 'took up executions that an earlier daemon left')
  return { executions: service, configs }
}
