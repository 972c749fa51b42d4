import { join } from 'node:path'
import { Admission } from '../admission/admission.ts'
import type { Clock } from '../core/clock.ts'
import { randomId } from '../core/ids.ts'
import type { Log } from '../core/log.ts'
import type { TaskKey } from '../core/task.ts'
import type { AssertSound, RuntimePolicy } from '../engine/choose.ts'
import type { Engine, EngineProbe } from '../engine/engine.ts'
import { isResponsive } from '../forward/reach.ts'
import type { ImageStore } from '../images/image-store.ts'
import { type ImageOptions, openImages } from '../images/open-images.ts'
import type { Instances } from '../instance/instances.ts'
import type { HostMonitor } from '../resources/host-monitor.ts'
import type { Ledger } from '../resources/ledger.ts'
import { NamedTasks } from '../service/tasks/named-tasks.ts'
import { TaskFile } from '../service/tasks/task-file.ts'
import { adoptWarm } from '../warm/adoption.ts'
import { ColdStart } from '../warm/cold-start.ts'
import { Pool } from '../warm/pool.ts'
import { StartScripts } from '../warm/start-scripts.ts'
import { TaskSpecs } from '../warm/task-specs.ts'
import type { Config } from './config/config.ts'
import type { NodeMetrics } from './metrics/node-metrics.ts'
import type { Soundness } from './soundness.ts'

export interface OpenWarmDeps {
  readonly monitor: HostMonitor
  readonly engine: Engine
  readonly probe: EngineProbe
  readonly soundness: Soundness
  readonly instances: Instances
  readonly ledger: Ledger
  /** Asked every time: the owner may change it. */
  readonly runtimes: () => RuntimePolicy
  readonly keepAliveMs: number
  readonly metrics: NodeMetrics | undefined
  readonly clock: Clock
  readonly log: Log
}

/** Room, images and instances for tasks that are kept warm. The first two serve executions, too. */
export interface OpenedWarm {
  readonly admission: Admission
  readonly images: ImageStore
  readonly definitions: NamedTasks
  readonly pool: Pool
  /** Takes up what earlier daemons left, once executions have taken up theirs. */
  readonly adoptLeft: () => Promise<void>
}

/** The port on which a task's server listens, as in the MECAnywhere executor. */
const TASK_PORT = 8080

/** Opens them, each held by `held`. @throws storage_error; what the engine throws */
export async function openWarm(
  config: Config,
  deps: OpenWarmDeps,
  held: AsyncDisposableStack,
  signal: AbortSignal,
): Promise<OpenedWarm> {
  const { monitor, engine, probe, soundness, instances, ledger, runtimes, keepAliveMs, metrics, clock, log } = deps
  const { tasks, resources } = config
  const admission = new Admission({
    ledger,
    host: monitor,
    idle: () => pool.idle(),
    clock,
    limits: { queueLimit: tasks.queueLimit, ...resources },
    meter: metrics?.queues,
  })
  // What earlier daemons left takes room, whatever becomes of it: it counts before anything new is let in.
  const left = await instances.leftWarm((asked, holder) => ledger.adopt(asked, holder), signal)
  const onStale = (): void => pool.retireOutdated()
  const images = await openImages(imageOptions(config), { images: engine.images, probe, clock, log, onStale }, held)
  const specs = specsOf(config, probe, runtimes, soundness.assertSound)
  const scripts = await StartScripts.open(join(config.stateDir, 'starting'), log)
  const starting = { specs, images, admission, instances, tracker: monitor, ...tasks }
  const coldStart = new ColdStart({ ...starting, scripts, engine, newId: randomId })
  const onIdle = (): void => admission.wake()
  const definitions = await NamedTasks.open({
    file: new TaskFile(config.stateDir),
    readyMark: tasks.readyMark,
    clock,
    assertPossible: (task) => coldStart.assertPossible(task),
    onChanged: () => pool.retireOutdated(),
  })
  const isDefined = (key: TaskKey): boolean => definitions.isDefined(key)
  const meter = metrics?.warm
  const pool = held.use(
    new Pool({ coldStart, clock, log, onIdle, isResponsive, isDefined, keepAliveMs, meter, ...tasks }),
  )
  const adoptLeft = async (): Promise<void> => {
    const adopted = await adoptWarm(left, { ...starting, definitions, ledger, pool, clock, log }, signal)
    if (adopted > 0) log.info({ instances: adopted }, 'took up warm instances that an earlier daemon left')
  }
  return { admission, images, definitions, pool, adoptLeft }
}

function specsOf(
  config: Config,
  probe: EngineProbe,
  runtimes: () => RuntimePolicy,
  assertSound: AssertSound,
): TaskSpecs {
  const { docker, tasks, sgx, executions } = config
  return new TaskSpecs({
    probe,
    runtimes,
    assertSound,
    sgx: sgx.isEnabled ? sgx : undefined,
    port: TASK_PORT,
    network: docker.network ?? `our own, ${tasks.network}`,
    networkKind: tasks.network,
    presets: tasks.presets,
    grantedPresets: executions.presets,
  })
}

function imageOptions({ images, docker, stateDir }: Config): ImageOptions {
  return { ...images, registryConfig: docker.registryConfig, folder: stateDir }
}
