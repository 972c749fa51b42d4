import { getTask, listTasks, putTask, removeTask } from '../http/contract/operations/tasks.ts'
import type { NamedTaskBodyIn } from '../http/contract/task-body.ts'
import type { TaskPage, TaskView } from '../http/contract/task-view.ts'
import type { Calls } from './calls.ts'
import type { CallOptions } from './options.ts'
import { readPages } from './pages.ts'

/** Named tasks: what is answered by warm instances, under a name. */
export class TasksClient {
  readonly #calls: Calls

  constructor(calls: Calls) {
    this.#calls = calls
  }

  /** Defines a task, or defines it anew. Nothing is started before the first invocation. */
  async put(name: string, body: NamedTaskBodyIn, options: CallOptions = {}): Promise<TaskView> {
    return this.#calls.call(putTask, { params: { name }, body, isRepeatable: true, ...options })
  }

  async get(name: string, { caller, ...options }: TaskOptions = {}): Promise<TaskView> {
    return this.#calls.call(getTask, { params: { name }, query: { caller }, ...options })
  }

  /** Forgets it. Its instances end what they are answering, and go. */
  async remove(name: string, { caller, ...options }: TaskOptions = {}): Promise<void> {
    await this.#calls.call(removeTask, { params: { name }, query: { caller }, ...options })
  }

  /** All of them by name, a page at a time as they are read. */
  list(options: TaskListOptions = {}): AsyncGenerator<TaskView, void, undefined> {
    return readPages(
      options,
      (of) => this.page(of),
      ({ tasks }) => tasks,
    )
  }

  /** One page, with the `cursor` of the next. */
  async page({ limit, cursor, ...options }: TaskListOptions = {}): Promise<TaskPage> {
    return this.#calls.call(listTasks, { query: { limit, cursor }, ...options })
  }
}

export interface TaskOptions extends CallOptions {
  /** Whose task it is; for `admin` alone. Default: one's own. */
  readonly caller?: string
}

export interface TaskListOptions extends CallOptions {
  /** Of one page. Default: the node's. */
  readonly limit?: number
  /** Of an earlier page, to go on after it. */
  readonly cursor?: string
}
