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
