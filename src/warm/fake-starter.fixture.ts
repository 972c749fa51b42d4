import type { Endpoint } from '../core/endpoint.ts'
import type { ErrandError } from '../core/errors.ts'
import type { InstanceState } from '../core/instance-state.ts'
import { DEFAULT_RESOURCES, type Resources } from '../core/resources.ts'
import type { Task, TaskKey } from '../core/task.ts'
import type { Instance, InstanceExit, InstanceImage } from '../instance/instance.ts'
import type { StartPhases } from '../instance/start-phases.ts'
import type { ColdStarter } from './cold-start.ts'
import type { StartingInstance } from './starting-instance.ts'

/** An instance that lives only in the test's hands. */
export class FakeInstance implements Instance {
  readonly id: string
  readonly state: InstanceState = 'ready'
  readonly endpoint: Endpoint = { host: '127.0.0.1', port: 9 }
  readonly pid: number | undefined = undefined
  readonly resources: Resources = DEFAULT_RESOURCES
  image: InstanceImage = { id: 'sha256:1', digest: undefined, isStale: false }
  readonly graces: number[] = []
  readonly ended: Promise<void>
  readonly exited: Promise<InstanceExit>
  readonly gone: Promise<void>
  readonly #exited = Promise.withResolvers<InstanceExit>()
  readonly #gone = Promise.withResolvers<void>()
  #removable: Promise<void> = Promise.resolve()

  constructor(id: string) {
    this.id = id
    this.exited = this.#exited.promise
    this.ended = this.exited.then(() => {})
    this.gone = this.#gone.promise
  }

  stop(graceMs: number): Promise<void> {
    this.graces.push(graceMs)
    this.#exited.resolve({ exitCode: undefined, isOomKilled: false, wasStopped: true, log: '' })
    void this.#removable.then(() => this.#gone.resolve())
    return this.gone
  }

  /** Once stopped, it is gone only after the returned value is disposed. */
  holdUp(): Disposable {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#removable = promise
    return { [Symbol.dispose]: () => resolve() }
  }

  die(exitCode: number): void {
    this.#exited.resolve({ exitCode, isOomKilled: false, wasStopped: false, log: 'last words' })
  }
}

/** A start that the test decides about. */
export interface FakeStart {
  readonly task: Task
  readonly signal: AbortSignal
  /** As if the engine had been asked. */
  begin(): void
  succeed(image?: InstanceImage): FakeInstance
  fail(error: ErrandError): void
}

/** Collects the starts that a pool asks for. */
export class FakeStarter implements ColdStarter {
  readonly starts: FakeStart[] = []
  impossible: ErrandError | undefined

  assertPossible(): void {
    if (this.impossible !== undefined) throw this.impossible
  }

  start(
    _key: TaskKey,
    task: Task,
    phases: StartPhases,
    onStarting: (instance: StartingInstance) => void,
    signal: AbortSignal,
  ): Promise<Instance> {
    const { promise, resolve, reject } = Promise.withResolvers<Instance>()
    signal.addEventListener('abort', () => reject(signal.reason))
    const id = `instance-${this.starts.length + 1}`
    const succeed = (image?: InstanceImage): FakeInstance => {
      const instance = new FakeInstance(id)
      if (image !== undefined) instance.image = image
      phases.end('ready')
      resolve(instance)
      return instance
    }
    const begin = (): void => {
      const image = { id: 'sha256:1', digest: undefined, isStale: false }
      onStarting({ id, resources: DEFAULT_RESOURCES, image })
    }
    this.starts.push({ task, signal, begin, succeed, fail: reject })
    return promise
  }
}
