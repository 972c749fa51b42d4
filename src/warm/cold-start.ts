import type { Admission } from '../admission/admission.ts'
import type { IdSource } from '../core/ids.ts'
import type { Readiness, Task, TaskKey } from '../core/task.ts'
import type { Engine } from '../engine/engine.ts'
import type { ImageStore } from '../images/image-store.ts'
import type { Instance } from '../instance/instance.ts'
import type { Instances } from '../instance/instances.ts'
import type { StartPhases } from '../instance/start-phases.ts'
import type { StartScripts } from './start-scripts.ts'
import type { StartingInstance } from './starting-instance.ts'
import type { TaskSpecs } from './task-specs.ts'
import { type InstanceTracker, keepUp } from './upkeep.ts'

/** What the pool needs to get an instance of a task. */
export interface ColdStarter {
  /**
   * Refuses at once what can never start here.
   * @throws validation_failed, forbidden, resources_unsatisfiable, runtime_unavailable
   */
  assertPossible(task: Task): void
  /** Calls `onStarting` before the engine is asked. On rejection nothing is left behind. */
  start(
    key: TaskKey,
    task: Task,
    phases: StartPhases,
    onStarting: (instance: StartingInstance) => void,
    signal: AbortSignal,
  ): Promise<Instance>
}

/** On which terms an instance is started, where its task does not say. */
export interface StartTerms {
  readonly readiness: Readiness
  /** What an instance may write to its root file system. */
  readonly diskBytes: number
  readonly startTimeoutMs: number
}

export interface ColdStartDeps extends StartTerms {
  readonly engine: Pick<Engine, 'footprint'>
  readonly specs: TaskSpecs
  readonly scripts: StartScripts
  readonly images: ImageStore
  readonly admission: Admission
  readonly instances: Instances
  readonly tracker: InstanceTracker
  readonly newId: IdSource
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
    const spec = this.#deps.specs.specify(task, '')
    this.#deps.admission.assertSatisfiable(this.#deps.engine.footprint(spec))
  }

  async start(
    key: TaskKey,
    task: Task,
    phases: StartPhases,
    onStarting: (instance: StartingInstance) => void,
    signal: AbortSignal,
  ): Promise<Instance> {
    const { engine, specs, images, admission, instances, newId, queueTimeoutMs, tracker, scripts } = this.#deps
    using held = new DisposableStack()
    const image = held.use(await images.ensure(task.image, signal))
    phases.end('image')
    const id = newId()
    const spec = specs.specify(task, image.id)
    await using written = await scripts.write(id, task)
    const lease = await admission.admit(
      { resources: engine.footprint(spec), holder: { instanceId: id, image: task.image }, timeoutMs: queueTimeoutMs },
      signal,
    )
    onStarting({ id, resources: lease.resources, image })
    // Scripts are in the key. Where they lie is no part of the setup, which a later process compares.
    const sandbox = { id, key, setup: specs.setupOf(spec), image, spec: written?.runIn(spec) ?? spec, lease }
    const instance = await instances.launch({ ...sandbox, ...startTermsOf(task, this.#deps), phases }, signal)
    keepUp(instance, held.move(), tracker)
    return instance
  }
}

export function startTermsOf({ definition }: Task, terms: StartTerms): StartTerms {
  return {
    readiness: definition?.readiness ?? terms.readiness,
    diskBytes: definition?.diskBytes ?? terms.diskBytes,
    startTimeoutMs: definition?.startTimeoutMs ?? terms.startTimeoutMs,
  }
}
