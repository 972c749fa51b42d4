import type { Clock } from '../core/clock.ts'
import { ErrandError, type ErrorCode } from '../core/errors.ts'
import type { Engine, EngineImages } from './engine.ts'

/** Told of each call of an engine that has ended. Must not throw. */
export interface EngineMeter {
  /** @param operation such as `create` and `image_pull`; one of some twenty. @param error undefined when it did what was asked */
  called(operation: string, ms: number, error: ErrorCode | undefined): void
}

/** Those that end by themselves; streams, which last as long as somebody reads, are not timed. */
const METERED: ReadonlySet<PropertyKey> = new Set<keyof Engine>([
  'probe',
  'create',
  'attach',
  'start',
  'inspect',
  'list',
  'signal',
  'remove',
  'pause',
  'resume',
  'exec',
  'stats',
  'bill',
  'diskUsage',
])
const METERED_OF_IMAGES: ReadonlySet<PropertyKey> = new Set<keyof EngineImages>(['find', 'list', 'pull', 'remove'])

type Call = (...args: unknown[]) => Promise<unknown>

/** The same engine, each of whose calls is timed. A call that its caller gave up counts as `cancelled`. */
export function meterEngine(engine: Engine, meter: EngineMeter, clock: Clock): Engine {
  const images = metered(engine.images, METERED_OF_IMAGES, 'image_', meter, clock)
  const timed = metered(engine, METERED, '', meter, clock)
  return new Proxy(timed, { get: (target, name) => (name === 'images' ? images : Reflect.get(target, name)) })
}

function metered<T extends object>(
  target: T,
  names: ReadonlySet<PropertyKey>,
  prefix: string,
  meter: EngineMeter,
  clock: Clock,
): T {
  return new Proxy(target, {
    get: (_, name) => {
      const value: unknown = Reflect.get(target, name)
      if (typeof value !== 'function') return value
      const call: Call = value.bind(target)
      return names.has(name) ? timed(call, `${prefix}${snakeCase(String(name))}`, meter, clock) : call
    },
  })
}

function timed(call: Call, operation: string, meter: EngineMeter, clock: Clock): Call {
  return async (...args) => {
    const startedMs = clock.monotonicMs()
    try {
      const result = await call(...args)
      meter.called(operation, clock.monotonicMs() - startedMs, undefined)
      return result
    } catch (error) {
      meter.called(operation, clock.monotonicMs() - startedMs, ErrandError.from(error).code)
      throw error
    }
  }
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}
