import type { Clock } from '../core/clock.ts'
import { ErrandError } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import type { Task, TaskKey } from '../core/task.ts'
import { Deadline } from '../core/wait.ts'
import type { ImageStore } from '../images/image-store.ts'
import type { Instance, InstancePlan } from '../instance/instance.ts'
import type { Instances } from '../instance/instances.ts'
import type { LeftInstance } from '../instance/left-instance.ts'
import { StartPhases } from '../instance/start-phases.ts'
import type { Ledger } from '../resources/ledger.ts'
import { type StartTerms, startTermsOf } from './cold-start.ts'
import type { Pool } from './pool.ts'
import type { TaskSpecs } from './task-specs.ts'
import { type InstanceTracker, keepUp } from './upkeep.ts'

export interface AdoptionDeps extends StartTerms {
  readonly specs: TaskSpecs
  readonly images: Pick<ImageStore, 'findPresent'>
  readonly ledger: Pick<Ledger, 'isOverbooked'>
  readonly instances: Pick<Instances, 'adopt' | 'discard'>
  readonly pool: Pick<Pool, 'adopt'>
  readonly tracker: InstanceTracker
  /** Named tasks as they are defined now. */
  readonly definitions: { find(key: TaskKey): Task | undefined }
  readonly clock: Clock
  readonly log: Log
}

/** A node that waits for its old instances serves nobody: a start of a new one takes no longer. */
const MOST_MS = 2000

/**
 * Takes up the warm instances that an earlier process left, as far as a start would make the same ones today and they
 * serve; the others are removed in the background. Resolves with the number of those taken up, in bounded time.
 * @throws signal.reason
 */
export async function adoptWarm(
  left: readonly LeftInstance[],
  deps: AdoptionDeps,
  parent: AbortSignal,
): Promise<number> {
  const tooLate = (): ErrandError => new ErrandError('deadline_exceeded', `it was not found fit within ${MOST_MS} ms`)
  using deadline = new Deadline(deps.clock, MOST_MS, tooLate, parent)
  const isAdopted = await Promise.all(left.map((each) => adoptOrDiscard(each, deps, deadline.signal)))
  parent.throwIfAborted()
  return isAdopted.filter(Boolean).length
}

async function adoptOrDiscard(left: LeftInstance, deps: AdoptionDeps, signal: AbortSignal): Promise<boolean> {
  const { instances, pool, log } = deps
  const { id, key, task: keyed } = left.record
  try {
    // Each that is discarded makes room for the next.
    if (deps.ledger.isOverbooked) throw new ErrandError('resources_exhausted', 'the node has no room for it any more')
    const task = taskOf(left, deps)
    pool.adopt(key, task, await adopt(left, task, deps, signal))
    return true
  } catch (error) {
    const { code, message } = ErrandError.from(error)
    log.info({ instance: id, image: keyed.image, code }, `removing a warm instance of an earlier daemon: ${message}`)
    instances.discard(left)
    return false
  }
}

/** @throws task_gone for a named task that is defined otherwise by now, or not at all */
function taskOf({ record }: LeftInstance, { definitions }: AdoptionDeps): Task {
  if (record.definition === undefined) return record.task
  const task = definitions.find(record.key)
  if (task === undefined) throw new ErrandError('task_gone', `the task ${record.definition.name} is another one now`)
  return task
}

async function adopt(left: LeftInstance, task: Task, deps: AdoptionDeps, signal: AbortSignal): Promise<Instance> {
  const { specs, images, instances, tracker, clock } = deps
  const { record, lease } = left
  using held = new DisposableStack()
  const image = await images.findPresent(task.image, signal)
  if (image === undefined) throw new ErrandError('image_not_found', 'the name of its image means nothing any more')
  held.use(image)
  const spec = specs.specify(task, image.id)
  // The image's id is in it, too.
  if (specs.setupOf(spec) !== record.setup) {
    throw new ErrandError('task_gone', 'its image was replaced, or the configuration was changed')
  }
  const { id, key, setup } = record
  const phases = new StartPhases(clock)
  const plan: InstancePlan = { id, key, setup, image, spec, ...startTermsOf(task, deps), lease, phases }
  const instance = await instances.adopt(left, plan, signal)
  keepUp(instance, held.move(), tracker)
  return instance
}
