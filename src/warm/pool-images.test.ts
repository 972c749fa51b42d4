import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { RecordingLog } from '../../test/support/recording-log.ts'
import { Cancellation } from '../core/cancellation.ts'
import { ManualClock, settle } from '../core/manual-clock.ts'
import { DEFAULT_RESOURCES } from '../core/resources.ts'
import { type Task, taskKey } from '../core/task.ts'
import { type FakeInstance, FakeStarter } from './fake-starter.fixture.ts'
import { Pool } from './pool.ts'
import type { Turn } from './turn.ts'

const TASK: Task = { image: 'hello', isolation: 'container', resources: DEFAULT_RESOURCES, sgx: false }

class PoolBench {
  readonly starter: FakeStarter = new FakeStarter()
  readonly log: RecordingLog = new RecordingLog()
  readonly pool: Pool = new Pool({
    coldStart: this.starter,
    clock: new ManualClock(),
    log: this.log,
    concurrency: 1,
    queueLimit: 100,
    keepAliveMs: 60_000,
    isResponsive: async () => true,
    isDefined: () => true,
    onIdle: () => {},
  })

  async lend(): Promise<Turn> {
    return this.pool.lend(taskKey({ id: 'caller' }, TASK), TASK, new Cancellation())
  }

  succeed(index: number, imageId: string, isStale = false): FakeInstance {
    const start = this.starter.starts[index]
    assert.ok(start, `the pool has asked for start ${index}`)
    return start.succeed({ id: imageId, digest: undefined, isStale })
  }
}

function giveBack(turn: Turn): void {
  turn.keep()
  turn[Symbol.dispose]()
}

function outdate(instance: FakeInstance): void {
  instance.image = { ...instance.image, isStale: true }
}

describe('an instance whose image was replaced', () => {
  test('goes at once when it is idle, and the next request gets a new one', async () => {
    const bench = new PoolBench()
    const lent = bench.lend()
    const old = bench.succeed(0, 'sha256:old')
    giveBack(await lent)
    outdate(old)
    bench.pool.retireOutdated()
    assert.equal(old.graces.length, 1)
    assert.equal(bench.log.factsOf('removing an instance')[0]?.why, 'its image was replaced')
    const next = bench.lend()
    bench.succeed(1, 'sha256:new')
    assert.equal((await next).instance.image.id, 'sha256:new')
  })

  test('is gone only after its successor has come: the successor is kept', async () => {
    const bench = new PoolBench()
    const lent = bench.lend()
    const old = bench.succeed(0, 'sha256:old')
    const holdUp = old.holdUp()
    giveBack(await lent)
    outdate(old)
    bench.pool.retireOutdated()
    const next = bench.lend()
    const successor = bench.succeed(1, 'sha256:new')
    giveBack(await next)
    holdUp[Symbol.dispose]()
    await old.gone
    await settle()
    giveBack(await bench.lend())
    assert.equal(bench.starter.starts.length, 2)
    await bench.pool.clear(0)
    assert.equal(successor.graces.length, 1)
  })

  test('goes after its last turn when it is busy; those who wait for it get a new one', async () => {
    const bench = new PoolBench()
    const lent = bench.lend()
    const old = bench.succeed(0, 'sha256:old')
    const turn = await lent
    const waiting = bench.lend()
    outdate(old)
    bench.pool.retireOutdated()
    assert.deepEqual(old.graces, [])
    bench.succeed(1, 'sha256:new')
    assert.equal((await waiting).instance.image.id, 'sha256:new')
    giveBack(turn)
    assert.equal(old.graces.length, 1)
  })

  test('serves those who waited for its start, and nobody after them', async () => {
    const bench = new PoolBench()
    const lent = bench.lend()
    const old = bench.succeed(0, 'sha256:old', true)
    const turn = await lent
    assert.equal(turn.instance.image.id, 'sha256:old')
    const next = bench.lend()
    giveBack(turn)
    assert.equal(old.graces.length, 1)
    await settle()
    bench.succeed(1, 'sha256:new')
    assert.equal((await next).instance.image.id, 'sha256:new')
  })

  test('is told with the first answer: image, id and digest', async () => {
    const bench = new PoolBench()
    const lent = bench.lend()
    bench.succeed(0, 'sha256:1')
    giveBack(await lent)
    const [facts] = bench.log.factsOf('cold start')
    assert.deepEqual([facts?.image, facts?.imageId, facts?.digest], ['hello', 'sha256:1', undefined])
  })

  test('leaves those alone whose image is current', async () => {
    const bench = new PoolBench()
    const lent = bench.lend()
    const current = bench.succeed(0, 'sha256:1')
    giveBack(await lent)
    bench.pool.retireOutdated()
    assert.deepEqual(current.graces, [])
  })
})
