import type { Caller } from './caller.ts'
import type { PresetName } from './presets.ts'
import type { ProvisionScript } from './provision-script.ts'
import type { Resources } from './resources.ts'

/** How strongly a task is kept apart from the host. What the host cannot do is refused, never weakened. */
export type Isolation = (typeof ISOLATIONS)[number]

export const ISOLATIONS = [
  /** By the engine's default runtime: the host's kernel, shared. */
  'container',
  /** By gVisor: a kernel in user space between the task and the host's. */
  'gvisor',
  /** By a virtual machine with a kernel of its own. */
  'microvm',
] as const

/** Of one execution: an engine may run a process for each port on each address that it publishes. */
export const MOST_PORTS = 32

function isIsolation(text: string | undefined): text is Isolation {
  return ISOLATIONS.some((isolation) => isolation === text)
}

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
  /** Of a task that its caller has named; all others are what is above, and the node's defaults. */
  readonly definition?: TaskDefinition
}

/** What a named task says beyond its image and resources. What is absent is as the node has it for all warm tasks. */
export interface TaskDefinition {
  /** An id, the caller's own. */
  readonly name: string
  /** Of all that was said: the same name with another digest is another task, with other instances. */
  readonly digest: string
  readonly process: TaskProcess
  /** Default: `standard`, or the preset's. */
  readonly profile?: 'standard' | 'strict'
  readonly preset?: PresetName
  /** With `none` it is reached on its unix socket alone. */
  readonly network?: 'none' | 'internal' | 'egress'
  /** On which its server listens. */
  readonly port?: number
  readonly readiness: Readiness
  /** Requests that one instance answers at once; Infinity for no limit. */
  readonly concurrency?: number
  readonly keepAliveMs?: number
  readonly startTimeoutMs?: number
  /** How long nothing may come of a request. */
  readonly requestTimeoutMs?: number
  readonly pidsLimit?: number
  readonly diskBytes?: number
  /** Run before its command, in each instance, in this order. */
  readonly provisionScripts?: readonly ProvisionScript[]
}

/** What runs, where it differs from what the image says. */
export interface TaskProcess {
  readonly entrypoint?: readonly string[]
  readonly cmd?: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  readonly workingDir?: string
  readonly user?: string
}

/** Identifies a task of a caller; equal tasks have equal keys. */
export type TaskKey = string & { readonly __brand: 'TaskKey' }

/** What a key tells by itself. */
export interface KeyedTask {
  readonly callerId: string
  /** Without its definition, of which a key has only the name and the digest. */
  readonly task: Task
  readonly definition: Pick<TaskDefinition, 'name' | 'digest'> | undefined
}

/** Made on every request, so it joins strings instead of hashing. A control character keeps fields apart. */
export function taskKey(caller: Caller, task: Task): TaskKey {
  const { cpuMillis, memoryBytes, gpus } = task.resources
  const key = `${caller.id}\n${task.image}\n${task.isolation}\n${cpuMillis}\n${memoryBytes}\n${gpus}\n${task.sgx}`
  const { definition } = task
  return (definition === undefined ? key : `${key}\n${definition.name}\n${definition.digest}`) as TaskKey
}

/** Undefined for a text that no `taskKey` makes. */
export function readTaskKey(key: string): KeyedTask | undefined {
  const [callerId = '', image = '', isolation, ...rest] = key.split('\n')
  const [cpuMillis = 0, memoryBytes = 0, gpus = 0] = rest.slice(0, 3).map(Number)
  if (!isIsolation(isolation)) return undefined
  const task: Task = { image, isolation, resources: { cpuMillis, memoryBytes, gpus }, sgx: rest[3] === 'true' }
  const [name, digest = ''] = rest.slice(4)
  const ending = name === undefined ? '' : `\n${name}\n${digest}`
  if (`${taskKey({ id: callerId }, task)}${ending}` !== key) return undefined
  return { callerId, task, definition: name === undefined ? undefined : { name, digest } }
}
