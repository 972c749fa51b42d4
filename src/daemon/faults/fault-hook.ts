import { isTerminal } from '../../core/execution.ts'
import type { Engine } from '../../engine/engine.ts'
import type { Journal } from '../../journal/journal.ts'
import type { ExecutionRecord } from '../../service/executor.ts'
import type { Fault, FaultMoment, FaultPoint } from './fault.ts'

const ENGINE_POINTS: ReadonlyMap<PropertyKey, FaultPoint> = new Map([
  ['create', 'container.create'],
  ['start', 'container.start'],
  ['signal', 'container.signal'],
  ['remove', 'container.remove'],
  ['attach', 'log.attach'],
  ['collect', 'output.collect'],
])

type PointOf = (method: PropertyKey, args: readonly unknown[]) => string | undefined

/** Stands between the daemon and what outlives it, and ends the process at one point. Without a fault it is not there. */
export class FaultHook {
  readonly #fault: Fault | undefined
  readonly #die: () => void

  constructor(fault: Fault | undefined, die: () => void = () => process.kill(process.pid, 'SIGKILL')) {
    this.#fault = fault
    this.#die = die
  }

  engine(engine: Engine): Engine {
    if (this.#fault === undefined) return engine
    const images = this.#hook(engine.images, (method) => (method === 'pull' ? 'image.pull' : undefined))
    const hooked = this.#hook(engine, (method) => ENGINE_POINTS.get(method))
    return new Proxy(hooked, { get: (target, name) => (name === 'images' ? images : Reflect.get(target, name)) })
  }

  journal(journal: Journal<ExecutionRecord>): Journal<ExecutionRecord> {
    if (this.#fault === undefined) return journal
    return this.#hook(journal, (method, [record]) => {
      if (method === 'insert') return 'journal.insert'
      return method === 'save' ? savePoint(record as ExecutionRecord) : undefined
    })
  }

  #hook<T extends object>(target: T, pointOf: PointOf): T {
    return new Proxy(target, {
      get: (_, name) => {
        const value: unknown = Reflect.get(target, name)
        if (typeof value !== 'function') return value
        return (...args: unknown[]): unknown => {
          const point = pointOf(name, args)
          this.#at('before', point)
          const result: unknown = Reflect.apply(value, target, args)
          return point === undefined ? result : followed(result, () => this.#at('after', point))
        }
      },
    })
  }

  #at(moment: FaultMoment, point: string | undefined): void {
    if (this.#fault?.moment === moment && this.#fault.point === point) this.#die()
  }
}

/** May name what is no point: not everything that is saved is one. */
function savePoint({ status, step }: ExecutionRecord): string {
  if (isTerminal(status)) return 'journal.save.ended'
  const next = status === 'creating' && step !== undefined ? `.${step.step}` : ''
  return `journal.save.${status}${next}`
}

/** The same result; `then` is called once it is there, a stream's at its end. */
function followed(result: unknown, then: () => void): unknown {
  if (result instanceof Promise) {
    return result.then((value: unknown) => {
      then()
      return value
    })
  }
  return followedStream(result as AsyncIterable<unknown>, then)
}

async function* followedStream(stream: AsyncIterable<unknown>, then: () => void): AsyncGenerator<unknown> {
  yield* stream
  then()
}
