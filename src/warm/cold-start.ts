import type { Admission } from '../admission/admission.ts'
import type { IdSource } from '../core/ids.ts'
import type { Readiness, Task } from '../core/task.ts'
import { chooseRuntime, chooseSgx, type RuntimePolicy } from '../engine/choose.ts'
import type { Engine, EngineProbe, SandboxSpec, SgxPaths } from '../engine/engine.ts'
import type { ImageStore } from '../images/image-store.ts'
import type { Instance } from '../instance/instance.ts'
import type { Instances } from '../instance/instances.ts'
import type { StartPhases } from '../instance/start-phases.ts'

/** What the pool needs to get an instance of a task. */
export interface ColdStarter {
  /**
   * Refuses at once what can never start here.
   * @throws validation_failed, forbidden, resources_unsatisfiable, runtime_unavailable
   */
  assertPossible(task: Task): void
  /** Calls `onStarting` before the engine is asked. On rejection nothing is left behind. */
  start(task: Task, phases: StartPhases, onStarting: () => void, signal: AbortSignal): Promise<Instance>
}

/** Told which processes are ours, so that their use of the host is not taken for somebody else's. */
interface InstanceTracker {
  track(instanceId: string, pid: number): void
  untrack(instanceId: string): void
}

export interface ColdStartDeps {
  readonly engine: Engine
  readonly probe: EngineProbe
  readonly images: ImageStore
  readonly admission: Admission
  readonly instances: Instances
  readonly tracker: InstanceTracker
  readonly newId: IdSource
  /** Asked at every start: the owner may change it. */
  readonly runtimes: () => RuntimePolicy
  readonly sgx: SgxPaths | undefined
  readonly port: number
  readonly readiness: Readiness
  readonly startTimeoutMs: number
  readonly queueTimeoutMs: number
}

/** From a task to a ready instance: image, lease, sandbox. */
export class ColdStart implements ColdStarter {
  readonly #deps: ColdStartDeps

  constructor(deps: ColdStartDeps) {
    this.#deps = deps
  }

  assertPossible(task: Task): void {
    this.#deps.images.assertAllowed(task.image)
    const spec = this.#specify(task, '')
    this.#deps.admission.assertSatisfiable(this.#deps.engine.footprint(spec))
  }

  async start(task: Task, phases: StartPhases, onStarting: () => void, signal: AbortSignal): Promise<Instance> {
    const { engine, images, admission, instances, newId, readiness, startTimeoutMs, queueTimeoutMs } = this.#deps
    using held = new DisposableStack()
    const image = held.use(await images.ensure(task.image, signal))
    phases.end('image')
    const id = newId()
    const spec = this.#specify(task, image.id)
    const lease = await admission.admit(
      { resources: engine.footprint(spec), holder: { instanceId: id, image: task.image }, timeoutMs: queueTimeoutMs },
      signal,
    )
    onStarting()
    const instance = await instances.launch({ id, image, spec, readiness, startTimeoutMs, lease, phases }, signal)
    this.#track(instance)
    const kept = held.move()
    void instance.gone.then(() => kept.dispose())
    return instance
  }

  #track({ id, pid, gone }: Instance): void {
    const { tracker } = this.#deps
    if (pid === undefined) return
    tracker.track(id, pid)
    void gone.then(() => tracker.untrack(id))
  }

  #specify(task: Task, imageId: string): SandboxSpec {
    const { probe, runtimes, port, sgx } = this.#deps
    const runtime = chooseRuntime(task.isolation, runtimes(), probe)
    const spec: SandboxSpec = {
      imageId,
      resources: task.resources,
      runtime,
      profile: 'standard',
      process: {},
      network: 'tasks',
      port,
      hasSocket: probe.runtimes.get(runtime)?.hasUnixSocket ?? false,
    }
    const paths = chooseSgx(task, sgx)
    return paths === undefined ? spec : { ...spec, sgx: paths }
  }
}
