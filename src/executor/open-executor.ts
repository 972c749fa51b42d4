import { mkdir } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { Admission } from '../admission/admission.ts'
import { StartPermits } from '../admission/start-permits.ts'
import { type Clock, systemClock } from '../core/clock.ts'
import { ErrandError } from '../core/errors.ts'
import { isId, randomId } from '../core/ids.ts'
import { silentLog } from '../core/log.ts'
import type { Engine } from '../engine/engine.ts'
import { GuardedEngine } from '../engine/guarded-engine.ts'
import { reach } from '../forward/reach.ts'
import { openImages } from '../images/open-images.ts'
import type { Installation } from '../instance/identity.ts'
import { Instances } from '../instance/instances.ts'
import { MemoryJournal } from '../journal/memory/memory-journal.ts'
import { readBootId } from '../resources/boot-id.ts'
import { findCpuCounter } from '../resources/cgroup-cpu.ts'
import { HOST_ROOTS, HostMonitor } from '../resources/host-monitor.ts'
import { Ledger } from '../resources/ledger.ts'
import { ExecutionService } from '../service/execution-service.ts'
import type { ExecutionEngine } from '../service/executions/execution-deps.ts'
import type { ExecutionRecord, Executor } from '../service/executor.ts'
import { StateFolder } from '../service/state-folder.ts'
import { type ExecutorOptions, type ExecutorSettings, settingsOf } from './executor-options.ts'

/** A start waits for the kernel half of its time: with one per core the engine would idle between them. */
const STARTS_PER_CORE = 2

/** Opens the engine of an installation, whose folders lie in `stateFolder`; whoever asked disposes it. */
export type OpenEngine = (installation: Installation, signal: AbortSignal, stateFolder: string) => Promise<Engine>

/**
 * Puts an executor together, alone usable, over engines by the `type` that requests choose them by. What it remembers,
 * it remembers as long as it is open.
 * @throws validation_failed for options that make no sense; storage_error when another process has its state folder;
 * what opening the engines throws. Nothing is left open then.
 */
export async function openExecutor(
  engines: Readonly<Record<string, OpenEngine>>,
  options: ExecutorOptions,
  signal: AbortSignal,
): Promise<Executor> {
  if (!isId(options.id)) throw new ErrandError('validation_failed', `id: ${JSON.stringify(options.id)} is not an id`)
  const settings = settingsOf(options)
  const { clock = systemClock, log = silentLog } = options
  await using held = new AsyncDisposableStack()
  const { installation } = held.use(await StateFolder.open(settings.stateDir))
  const folder = join(settings.stateDir, 'executions')
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const monitor = held.use(HostMonitor.open({ clock, roots: HOST_ROOTS }))
  const opened = new Map<string, ExecutionEngine>()
  for (const [type, open] of Object.entries(engines)) {
    const deps = { clock, log, installation, node: options.id }
    opened.set(
      type,
      await openEngine(() => open(installation, signal, settings.stateDir), settings, deps, held, signal),
    )
  }
  return new ExecutionService({
    executorId: options.id,
    engines: opened,
    admission: openAdmission(settings, monitor, clock),
    journal: new MemoryJournal<ExecutionRecord>(),
    tracker: monitor,
    clock,
    bootId: await readBootId(),
    log,
    newId: randomId,
    folder,
    trash: join(settings.stateDir, 'trash'),
    privatePaths: [settings.stateDir, ...storageFolders(opened)],
    ...settings,
    held: held.move(),
  })
}

async function openEngine(
  open: () => Promise<Engine>,
  settings: ExecutorSettings,
  deps: { clock: Clock; log: NonNullable<ExecutorOptions['log']>; installation: Installation; node: string },
  held: AsyncDisposableStack,
  signal: AbortSignal,
): Promise<ExecutionEngine> {
  const { clock, log } = deps
  const engine = held.use(new GuardedEngine(await open(), { clock, log }))
  const probe = await engine.probe(signal)
  for (const warning of probe.warnings) log.warn({ engine: engine.name }, warning)
  const permits = new StartPermits(STARTS_PER_CORE * availableParallelism())
  const cpuCounter = (pid: number) => findCpuCounter(HOST_ROOTS, pid)
  const intend = async (): Promise<void> => {}
  const instances = held.use(await Instances.open({ ...deps, engine, reach, cpuCounter, intend, permits }, signal))
  const options = { ...settings.images, folder: settings.stateDir }
  const images = await openImages(options, { images: engine.images, probe, clock, log, onStale: () => {} }, held)
  return { engine, probe, instances, images }
}

function openAdmission(settings: ExecutorSettings, monitor: HostMonitor, clock: Clock): Admission {
  const { hostCheck, cpuOvercommit } = settings
  const { cpuMillis, memoryBytes } = settings.capacity(monitor.capacity)
  const ledger = new Ledger({ cpuMillis: cpuMillis * cpuOvercommit, memoryBytes, gpus: 0 })
  return new Admission({
    ledger,
    host: monitor,
    idle: () => [],
    clock,
    // Nothing is warm here.
    limits: { queueLimit: 0, hostCheck, cpuOvercommit },
  })
}

function storageFolders(engines: ReadonlyMap<string, ExecutionEngine>): string[] {
  return [...engines.values()].flatMap(({ probe }) => (probe.storageFolder === undefined ? [] : [probe.storageFolder]))
}
