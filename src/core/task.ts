import type { Caller } from './caller.ts'
import type { Resources } from './resources.ts'

/** How strongly a task is kept apart from the host. What the host cannot do is refused, never weakened. */
export type Isolation = 'container' | 'microvm'

/** How an instance says that it is ready. A mark wins over an open port: a server may listen before it can serve. */
export type Readiness =
  | { readonly kind: 'mark'; readonly mark: string }
  | { readonly kind: 'connect' }
  | { readonly kind: 'http'; readonly path: string }

/** What to run: an immutable value. Two equal tasks of one caller share instances. */
export interface Task {
  /** As the caller gave it: a reference, or an image id. */
  readonly image: string
  readonly isolation: Isolation
  readonly resources: Resources
  readonly sgx: boolean
}

/** Identifies a task of a caller; equal tasks have equal keys. */
export type TaskKey = string & { readonly __brand: 'TaskKey' }

/** Made on every request, so it joins strings instead of hashing. A control character keeps fields apart. */
export function taskKey(caller: Caller, task: Task): TaskKey {
  const { cpuMillis, memoryBytes, gpus } = task.resources
  return `${caller.id}\n${task.image}\n${task.isolation}\n${cpuMillis}\n${memoryBytes}\n${gpus}\n${task.sgx}` as TaskKey
}

/** The task that a key was made of; undefined for a text that no `taskKey` makes. */
export function taskOf(key: string): Task | undefined {
  const [callerId = '', image = '', isolation, ...rest] = key.split('\n')
  const [cpuMillis = 0, memoryBytes = 0, gpus = 0] = rest.slice(0, 3).map(Number)
  if (isolation !== 'container' && isolation !== 'microvm') return undefined
  const task: Task = { image, isolation, resources: { cpuMillis, memoryBytes, gpus }, sgx: rest[3] === 'true' }
  return taskKey({ id: callerId }, task) === key ? task : undefined
}
