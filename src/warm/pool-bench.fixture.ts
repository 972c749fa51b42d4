import assert from 'node:assert/strict'
import { Cancellation } from '../core/cancellation.ts'
import { silentLog } from '../core/log.ts'
import { ManualClock, settle } from '../core/manual-clock.ts'
import { DEFAULT_RESOURCES } from '../core/resources.ts'
import { type Task, taskKey } from '../core/task.ts'
import { type FakeInstance, type FakeStart, FakeStarter } from './fake-starter.fixture.ts'
import { Pool } from './pool.ts'
import type { Turn } from './turn.ts'

const TASK: Task = { image: 'hello', isolation: 'container', resources: DEFAULT_RESOURCES, sgx: false }
const CALLER = { id: 'caller' }

interface Bench {
  readonly pool: Pool
  readonly clock: ManualClock
  readonly starter: FakeStarter
  readonly idleCalls: () => number
  readonly lend: (image?: string, cancellation?: Cancellation) => Promise<Turn>
  /** The nth start that the pool has asked for, counted from 0. */
  readonly start: (index: number) => FakeStart
  /** Lends one turn of a new instance. */
  readonly warm: () => Promise<{ turn: Turn; instance: FakeInstance }>
}

interface BenchOptions {
  readonly concurrency?: number
  readonly queueLimit?: number
  readonly isResponsive?: boolean
}

/** A pool whose starts and clock a test plays. */
export function bench(options: BenchOptions = {}): Bench {
  const clock = new ManualClock()
  const starter = new FakeStarter()
  let idleCalls = 0
  const pool = new Pool({
    coldStart: starter,
    clock,
    log: silentLog,
    concurrency: options.concurrency ?? Infinity,
    queueLimit: options.queueLimit ?? 100,
    keepAliveMs: 60_000,
    isResponsive: async () => options.isResponsive ?? true,
    isDefined: () => true,
    onIdle: () => {
      idleCalls += 1
    },
  })
  const lend = async (image = 'hello', cancellation = new Cancellation()): Promise<Turn> => {
    const task = { ...TASK, image }
    return pool.lend(taskKey(CALLER, task), task, cancellation)
  }
  const start = (index: number): FakeStart => {
    const found = starter.starts[index]
    assert.ok(found, `the pool has asked for start ${index}`)
    return found
  }
  const warm = async (): Promise<{ turn: Turn; instance: FakeInstance }> => {
    const lent = lend()
    await settle()
    const instance = start(starter.starts.length - 1).succeed()
    return { turn: await lent, instance }
  }
  return { pool, clock, starter, idleCalls: () => idleCalls, lend, start, warm }
}

/** As after an answer without fault. */
export function giveBack(turn: Turn): void {
  turn.keep()
  turn[Symbol.dispose]()
}
