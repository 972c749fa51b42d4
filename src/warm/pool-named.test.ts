import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Cancellation } from '../core/cancellation.ts'
import { silentLog } from '../core/log.ts'
import { ManualClock, settle } from '../core/manual-clock.ts'
import { DEFAULT_RESOURCES } from '../core/resources.ts'
import { type Task, type TaskDefinition, type TaskKey, taskKey } from '../core/task.ts'
import { type FakeInstance, FakeStarter } from './fake-starter.fixture.ts'
import { Pool } from './pool.ts'
import type { Turn } from './turn.ts'

const CALLER = { id: 'caller' }
const READINESS = { kind: 'connect' } as const

function named(digest: string, terms: Partial<TaskDefinition> = {}): Task {
  const definition: TaskDefinition = { name: 'resize', digest, process: {}, readiness: READINESS, ...terms }
  return { image: 'hello', isolation: 'container', resources: DEFAULT_RESOURCES, sgx: false, definition }
}

class NamedBench {
  readonly clock: ManualClock = new ManualClock()
  readonly starter: FakeStarter = new FakeStarter()
  readonly defined = new Set<TaskKey>()
  readonly pool: Pool = new Pool({
    coldStart: this.starter,
    clock: this.clock,
    log: silentLog,
    concurrency: 1,
    queueLimit: 100,
    keepAliveMs: 60_000,
    isResponsive: async () => true,
    isDefined: (key) => this.defined.has(key),
    onIdle: () => {},
  })

  define(task: Task): Task {
    this.defined.add(taskKey(CALLER, task))
    return task
  }

  async lend(task: Task): Promise<Turn> {
    return this.pool.lend(taskKey(CALLER, task), task, new Cancellation())
  }

  succeed(index: number): FakeInstance {
    const start = this.starter.starts[index]
    assert.ok(start, `the pool has asked for start ${index}`)
    return start.succeed()
  }

  async warm(task: Task): Promise<{ turn: Turn; instance: FakeInstance }> {
    const lent = this.lend(task)
    await settle()
    const instance = this.succeed(this.starter.starts.length - 1)
    return { turn: await lent, instance }
  }
}

function giveBack(turn: Turn): void {
  turn.keep()
  turn[Symbol.dispose]()
}

describe('an instance of a named task', () => {
  test('answers as many requests at once as its task says', async () => {
    const bench = new NamedBench()
    const task = bench.define(named('a', { concurrency: 2 }))
    const { turn } = await bench.warm(task)
    const second = await bench.lend(task)
    assert.equal(second.instance, turn.instance)
    void bench.lend(task)
    await settle()
    assert.equal(bench.starter.starts.length, 2)
  })

  test('is kept for as long as its task says, and others as ever', async () => {
    const bench = new NamedBench()
    const [brief, lasting] = [named('a', { keepAliveMs: 1000 }), named('b', { keepAliveMs: 120_000 })].map((task) =>
      bench.define(task),
    )
    assert.ok(brief && lasting)
    const instances: FakeInstance[] = []
    for (const task of [lasting, brief, bench.define(named('c'))]) {
      const { turn, instance } = await bench.warm(task)
      giveBack(turn)
      instances.push(instance)
    }
    const goneAfter = (): boolean[] => instances.map(({ graces }) => graces.length > 0)
    await bench.clock.advance(999)
    assert.deepEqual(goneAfter(), [false, false, false])
    await bench.clock.advance(1)
    assert.deepEqual(goneAfter(), [false, true, false])
    await bench.clock.advance(59_000)
    assert.deepEqual(goneAfter(), [false, true, true])
    await bench.clock.advance(60_000)
    assert.deepEqual(goneAfter(), [true, true, true])
    bench.pool[Symbol.dispose]()
  })

  test('goes at once when its task is defined otherwise, if it is idle', async () => {
    const bench = new NamedBench()
    const { turn, instance } = await bench.warm(bench.define(named('a')))
    giveBack(turn)
    bench.pool.retireOutdated()
    assert.deepEqual(instance.graces, [])
    bench.defined.clear()
    bench.pool.retireOutdated()
    assert.equal(instance.graces.length, 1)
  })

  test('ends what it is answering before it goes, and is lent no more', async () => {
    const bench = new NamedBench()
    const task = bench.define(named('a'))
    const { turn, instance } = await bench.warm(task)
    bench.defined.clear()
    bench.pool.retireOutdated()
    assert.deepEqual(instance.graces, [])
    assert.deepEqual(
      bench.pool.list().map(({ id, state, turns }) => [id, state, turns]),
      [[instance.id, 'leaving', 1]],
    )
    giveBack(turn)
    assert.equal(instance.graces.length, 1)
    await settle()
    assert.deepEqual(bench.pool.list(), [])
  })

  test('that was waited for when its task changed serves those who waited, and goes', async () => {
    const bench = new NamedBench()
    const task = bench.define(named('a'))
    const lent = [bench.lend(task), bench.lend(task)]
    await settle()
    bench.defined.clear()
    bench.pool.retireOutdated()
    const instances = [bench.succeed(0), bench.succeed(1)]
    for (const turn of await Promise.all(lent)) giveBack(turn)
    assert.deepEqual(
      instances.map(({ graces }) => graces.length),
      [1, 1],
    )
  })

  test('is told about, whose it is and what it does', async () => {
    const bench = new NamedBench()
    const { turn } = await bench.warm(bench.define(named('a')))
    await bench.clock.advance(5)
    const [busy] = bench.pool.list()
    assert.deepEqual([busy?.callerId, busy?.task.definition?.name, busy?.state], ['caller', 'resize', 'busy'])
    assert.deepEqual([busy?.turns, busy?.uses, busy?.ageMs, busy?.idleMs], [1, 0, 5, undefined])
    giveBack(turn)
    await bench.clock.advance(7)
    const [idle] = bench.pool.list()
    assert.deepEqual([idle?.state, idle?.turns, idle?.uses, idle?.ageMs, idle?.idleMs], ['idle', 0, 1, 12, 7])
  })
})

describe('an instance that is to be removed', () => {
  test('goes when it has answered what it is answering', async () => {
    const bench = new NamedBench()
    const { turn, instance } = await bench.warm(bench.define(named('a')))
    assert.ok(bench.pool.remove(instance.id))
    assert.ok(bench.pool.remove(instance.id))
    assert.deepEqual(instance.graces, [])
    giveBack(turn)
    assert.equal(instance.graces.length, 1)
    await settle()
    assert.equal(bench.pool.remove(instance.id), false)
  })

  test('that nobody has is not found', () => {
    assert.equal(new NamedBench().pool.remove('nobody'), false)
  })
})

test('an instance that starts is listed with what it holds from when the engine is asked, and can be called off', async () => {
  const bench = new NamedBench()
  const lent = bench.lend(bench.define(named('a')))
  await settle()
  assert.deepEqual(bench.pool.list(), [], 'it has no room yet')
  bench.starter.starts[0]?.begin()
  await bench.clock.advance(5000)
  const [starting] = bench.pool.list()
  assert.deepEqual([starting?.state, starting?.ageMs, starting?.resources], ['starting', 5000, DEFAULT_RESOURCES])
  assert.equal(bench.pool.remove(starting?.id ?? ''), true)
  await settle()
  assert.equal(bench.starter.starts[0]?.signal.aborted, true)
  const another = bench.succeed(1)
  const turn = await lent
  assert.equal(turn.instance, another, 'who waits gets another one')
  assert.deepEqual(
    bench.pool.list().map(({ id, state }) => [id, state]),
    [[another.id, 'busy']],
  )
  giveBack(turn)
})
