import type { Clock } from '../../core/clock.ts'
import { ErrandError } from '../../core/errors.ts'
import { ID_PATTERN, isId } from '../../core/ids.ts'
import { encodeScript } from '../../core/provision-script.ts'
import { invalidField, readValue } from '../../core/read-value.ts'
import { type Task, type TaskKey, taskKey } from '../../core/task.ts'
import { Serial } from '../../util/serial.ts'
import { assertGpus } from '../gpus.ts'
import type { TaskRecord, TaskRequest } from './task-request.ts'
import { taskRequest } from './task-schema.ts'
import { digestOf, toTask } from './to-task.ts'

export interface NamedTasksDeps {
  readonly file: {
    read(): Promise<readonly TaskRecord[]>
    write(tasks: readonly TaskRecord[]): Promise<void>
  }
  /** What a server prints once it is ready, where its task says `mark`. */
  readonly readyMark: string
  readonly clock: Clock
  /** Refuses what can never be started here. */
  readonly assertPossible: (task: Task) => void
  /** After a task has become another one, or none. */
  readonly onChanged: () => void
}

/** A named task with all that is made of it once, and not for each request. */
export interface NamedTask {
  readonly record: TaskRecord
  readonly task: Task
  readonly key: TaskKey
}

/** What may be asked of the named tasks of a node. */
export type NamedTasksApi = Pick<NamedTasks, 'load' | 'page' | 'put' | 'remove'>

/** One page of named tasks, by name and then by caller. */
export interface TaskPage {
  readonly tasks: readonly TaskRecord[]
  /** Undefined on the last one. */
  readonly cursor: string | undefined
}

/** Of one caller, and of all together; each is small. */
const MOST_OF_CALLER = 1000
const MOST = 10_000
const MOST_BYTES = 64 * 1024

/** The tasks that callers have given names to, each caller's its own. They outlive the daemon. */
export class NamedTasks {
  readonly #deps: NamedTasksDeps
  readonly #byCaller = new Map<string, Map<string, NamedTask>>()
  readonly #byKey = new Map<TaskKey, NamedTask>()
  readonly #changes = new Serial()

  private constructor(deps: NamedTasksDeps) {
    this.#deps = deps
  }

  /** @throws storage_error, which names the file, when it is damaged */
  static async open(deps: NamedTasksDeps): Promise<NamedTasks> {
    const tasks = new NamedTasks(deps)
    for (const record of await deps.file.read()) tasks.#keep(tasks.#prepare(record))
    return tasks
  }

  /** The task that a key was made of, while its caller has it defined like that. */
  find(key: TaskKey): Task | undefined {
    return this.#byKey.get(key)?.task
  }

  isDefined(key: TaskKey): boolean {
    return this.#byKey.has(key)
  }

  /** @throws not_found, also for another's */
  load(callerId: string, name: string): NamedTask {
    const found = this.#byCaller.get(callerId)?.get(name)
    if (found === undefined) throw new ErrandError('not_found', `there is no task ${name}`)
    return found
  }

  /** Of one caller, or of all; `cursor` as an earlier page had it. */
  page(callerId: string | undefined, limit: number, cursor = ''): TaskPage {
    const own = callerId === undefined ? [...this.#all()] : [...(this.#byCaller.get(callerId)?.values() ?? [])]
    const rest = own
      .map(({ record }) => record)
      .filter((record) => placeOf(record) > cursor)
      .toSorted((a, b) => (placeOf(a) < placeOf(b) ? -1 : 1))
    const tasks = rest.slice(0, limit)
    const last = tasks.at(-1)
    return { tasks, cursor: last === undefined || rest.length === tasks.length ? undefined : placeOf(last) }
  }

  /**
   * Defines a task, or defines it anew: its instances up to now end with what they are answering. Nothing happens when it is
   * defined like that already.
   * @throws validation_failed, forbidden, resources_unsatisfiable, runtime_unavailable, network_unavailable; storage_full,
   * storage_error, and then nothing has changed
   */
  put(callerId: string, name: string, asked: TaskRequest): Promise<{ record: TaskRecord; isNew: boolean }> {
    return this.#changes.run(async () => {
      const request = read(name, asked)
      const before = this.#byCaller.get(callerId)?.get(name)
      if (before !== undefined && digestOf(before.record.request) === digestOf(request)) {
        return { record: before.record, isNew: false }
      }
      const nowMs = this.#deps.clock.wallMs()
      const createdMs = before?.record.createdMs ?? nowMs
      const named = this.#prepare({ callerId, name, request, createdMs, updatedMs: nowMs })
      assertGpus(request.resources?.gpus ?? [])
      this.#deps.assertPossible(named.task)
      if (before === undefined) this.#assertRoom(callerId)
      await this.#write(before, named)
      return { record: named.record, isNew: before === undefined }
    })
  }

  /** @throws not_found; storage_full, storage_error, and then nothing has changed */
  remove(callerId: string, name: string): Promise<void> {
    return this.#changes.run(() => this.#write(this.load(callerId, name), undefined))
  }

  async #write(before: NamedTask | undefined, after: NamedTask | undefined): Promise<void> {
    const others = [...this.#all()].filter((each) => each !== before)
    await this.#deps.file.write([...others, ...(after === undefined ? [] : [after])].map(({ record }) => record))
    if (before !== undefined) this.#forget(before)
    if (after !== undefined) this.#keep(after)
    if (before !== undefined) this.#deps.onChanged()
  }

  #prepare(record: TaskRecord): NamedTask {
    const { callerId, name, request } = record
    const task = toTask(name, request, this.#deps.readyMark)
    return { record, task, key: taskKey({ id: callerId }, task) }
  }

  #keep(named: NamedTask): void {
    const { callerId, name } = named.record
    const own = this.#byCaller.get(callerId) ?? new Map<string, NamedTask>()
    this.#byCaller.set(callerId, own.set(name, named))
    this.#byKey.set(named.key, named)
  }

  #forget({ record: { callerId, name }, key }: NamedTask): void {
    const own = this.#byCaller.get(callerId)
    own?.delete(name)
    if (own?.size === 0) this.#byCaller.delete(callerId)
    this.#byKey.delete(key)
  }

  *#all(): Generator<NamedTask> {
    for (const own of this.#byCaller.values()) yield* own.values()
  }

  #assertRoom(callerId: string): void {
    const [own, all] = [this.#byCaller.get(callerId)?.size ?? 0, this.#byKey.size]
    if (own < MOST_OF_CALLER && all < MOST) return
    throw new ErrandError('forbidden', `there are ${own} tasks of yours, and ${all} in all: that is the most`, {
      details: { ofCaller: own, most: MOST_OF_CALLER, inAll: all, mostInAll: MOST },
    })
  }
}

/** Names hold no space, so that it comes before whatever a name can go on with. */
function placeOf({ name, callerId }: TaskRecord): string {
  return `${name} ${callerId}`
}

function read(name: string, asked: TaskRequest): TaskRequest {
  if (!isId(name)) throw invalidField('name', `must match ${ID_PATTERN}`)
  const { provisionScripts, ...rest } = readValue(taskRequest, asked)
  const data = { ...rest, ...(provisionScripts && { provisionScripts: provisionScripts.map(encodeScript) }) }
  if (Buffer.byteLength(JSON.stringify(data)) <= MOST_BYTES) return data
  throw new ErrandError('validation_failed', `a task is defined in at most ${MOST_BYTES} bytes`)
}
