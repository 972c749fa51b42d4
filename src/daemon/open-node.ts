import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { StartPermits } from '../admission/start-permits.ts'
import type { Clock } from '../core/clock.ts'
import type { ErrandError } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import type { RuntimePolicy } from '../engine/choose.ts'
import type { Engine, EngineProbe } from '../engine/engine.ts'
import { GuardedEngine } from '../engine/guarded-engine.ts'
import { meterEngine } from '../engine/metered-engine.ts'
import { reach } from '../forward/reach.ts'
import type { Installation } from '../instance/identity.ts'
import { Instances } from '../instance/instances.ts'
import { makeRoom } from '../journal/sqlite/reserve.ts'
import { JOURNAL_FILE } from '../journal/sqlite/sqlite-journal.ts'
import { findCpuCounter } from '../resources/cgroup-cpu.ts'
import { HOST_ROOTS, HostMonitor } from '../resources/host-monitor.ts'
import { Ledger } from '../resources/ledger.ts'
import type { ExecutionsApi } from '../service/executions-api.ts'
import { Gate } from '../service/gate.ts'
import { type GrantLimits, limitGrant, offeredResources } from '../service/grant.ts'
import { InvocationService } from '../service/invocation-service.ts'
import type { LaterApi } from '../service/invocations/later-api.ts'
import { Node } from '../service/node.ts'
import { StateFolder } from '../service/state-folder.ts'
import type { NamedTasksApi } from '../service/tasks/named-tasks.ts'
import type { ByteBudget } from '../util/byte-budget.ts'
import type { Heartbeat } from '../util/heartbeat.ts'
import type { ResolveName } from '../webhooks/webhook-sender.ts'
import type { Config } from './config/config.ts'
import { lookAtThisHost } from './doctor/host-look.ts'
import { FaultHook } from './faults/fault-hook.ts'
import type { NodeReadings } from './metrics/node-gauges.ts'
import type { NodeMetrics } from './metrics/node-metrics.ts'
import { openExecutions } from './open-executions.ts'
import { openInvocations } from './open-invocations.ts'
import { openWarm } from './open-warm.ts'
import { openWebhooks } from './open-webhooks.ts'
import { Soundness } from './soundness.ts'
import type { Tracing } from './tracing/open-tracing.ts'

export interface OpenNodeDeps {
  readonly log: Log
  readonly clock: Clock
  /** Of this thread. */
  readonly heartbeat: Heartbeat
  /** What answers may hold before they are with their callers. */
  readonly answerMemory: ByteBudget
  readonly onJournalFailure: (error: ErrandError) => void
  readonly openEngine: (installation: Installation, signal: AbortSignal) => Promise<Engine>
  readonly metrics: NodeMetrics | undefined
  readonly tracing: Tracing | undefined
  /** Of the names of webhooks' receivers. Default: the resolver of this host. */
  readonly resolveWebhook?: ResolveName | undefined
}

/** Everything that was opened, before it is put together. */
interface Parts {
  readonly monitor: HostMonitor
  readonly engine: GuardedEngine
  readonly probe: EngineProbe
  readonly soundness: Soundness
  readonly instances: Instances
}

export interface OpenedNode {
  readonly node: Node
  readonly executions: ExecutionsApi
  readonly tasks: NamedTasksApi
  readonly later: LaterApi
  readonly readings: NodeReadings
}

/** Opens what a node needs, in order, each held by `held`, and puts it together. */
export async function openNode(
  config: Config,
  deps: OpenNodeDeps,
  held: AsyncDisposableStack,
  signal: AbortSignal,
): Promise<OpenedNode> {
  const { log, clock, metrics } = deps
  const { installation } = held.use(
    await StateFolder.open(config.stateDir, () => makeRoom(join(config.stateDir, JOURNAL_FILE))),
  )
  const monitor = held.use(HostMonitor.open({ clock, roots: HOST_ROOTS }))
  const faults = new FaultHook(config.fault)
  const opened = faults.engine(await deps.openEngine(installation, signal))
  const metered = metrics === undefined ? opened : meterEngine(opened, metrics.engine, clock)
  const engine = held.use(new GuardedEngine(metered, { clock, log }))
  const probe = await engine.probe(signal)
  for (const warning of probe.warnings) log.warn({ engine: engine.name }, warning)
  const soundness = held.use(await openSoundness(config, engine, probe, { clock, log }))
  const permits = new StartPermits(availableParallelism())
  const cpuCounter = (pid: number) => findCpuCounter(HOST_ROOTS, pid)
  const intend = async (): Promise<void> => {}
  const instances = held.use(
    await Instances.open(
      {
        engine,
        reach,
        cpuCounter,
        clock,
        log,
        intend,
        installation,
        node: config.node,
        permits,
        onEngineBack: () => soundness.lookAgain(),
      },
      signal,
    ),
  )
  using _recovering = instances.spareLeftovers()
  const node = await assemble(config, deps, { monitor, engine, probe, soundness, instances }, held, signal)
  const leftovers = await instances.removeLeftovers(signal)
  if (leftovers > 0) log.info({ leftovers }, 'removed what an earlier daemon left behind')
  return node
}

async function assemble(
  config: Config,
  { log, clock, heartbeat, answerMemory, onJournalFailure, metrics, tracing, resolveWebhook }: OpenNodeDeps,
  parts: Parts,
  held: AsyncDisposableStack,
  signal: AbortSignal,
): Promise<OpenedNode> {
  const { monitor, engine, probe, soundness, instances } = parts
  const limits: GrantLimits = {
    hostCpuMillis: monitor.capacity.cpuMillis,
    hostMemoryBytes: monitor.capacity.memoryBytes,
    cpuOvercommit: config.resources.cpuOvercommit,
  }
  const grant = limitGrant(config.grant, limits, log)
  const gate = new Gate()
  const ledger = new Ledger(offeredResources(grant, limits))
  const runtimes = (): RuntimePolicy => ({ microVmRuntime: node.config.grant.microVmRuntime, ...config.isolation })
  const warmParts = { ...parts, ledger, runtimes, keepAliveMs: grant.keepAliveMs, metrics, clock, log }
  const { admission, images, definitions, pool, adoptLeft } = await openWarm(config, warmParts, held, signal)
  const webhooks = await openWebhooks(config, { clock, log, resolve: resolveWebhook, meter: metrics?.webhooks }, held)
  const { executions, configs } = await openExecutions(
    config,
    {
      engine: { engine, probe, instances, images },
      grant,
      admission,
      monitor,
      webhooks,
      gate,
      assertSound: soundness.assertSound,
      clock,
      log,
      heartbeat,
      onJournalFailure,
      metrics,
      tracing,
    },
    held,
    signal,
  )
  const invocations = new InvocationService({
    pool,
    gate,
    clock,
    answerMemory,
    meter: metrics?.warm,
    tracer: tracing?.invocations,
    ...config.tasks,
  })
  const described = {
    engine: { name: engine.name, probe },
    runtimes: config.isolation,
    warnings: () => soundness.warnings,
  }
  const running = { invocations, pool, instances, admission, ledger, monitor, gate, clock, log }
  const node = new Node({ ...running, ...described, limits, grant, configs })
  await adoptLeft()
  const forLater = {
    node,
    tasks: definitions,
    gate,
    webhooks,
    clock,
    log,
    meter: metrics?.later,
    tracer: tracing?.invocations,
  }
  const later = await openInvocations(config, forLater, held)
  const readings = { ledger, pool, admission, gate, engine, later, webhooks }
  return { node, executions, tasks: definitions, later, readings }
}

function openSoundness(
  { tasks, isolation }: Config,
  engine: Engine,
  probe: EngineProbe,
  deps: { readonly clock: Clock; readonly log: Log },
): Promise<Soundness> {
  const { allowKnownHoles } = isolation
  const look = lookAtThisHost(new AbortController().signal) // every look ends by itself, and soon
  return Soundness.open(probe, { ...deps, engine, look, tasksNetwork: tasks.network, allowKnownHoles })
}
