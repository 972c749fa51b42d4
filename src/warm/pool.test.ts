import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Cancellation } from '../core/cancellation.ts'
import { ErrandError } from '../core/errors.ts'
import { settle } from '../core/manual-clock.ts'
import { bench, giveBack } from './pool-bench.fixture.ts'

const refused = new ErrandError('cancelled', 'left')
const crashed = new ErrandError('task_exited', 'exited 3', { details: { exitCode: 3 } })

describe('starts', () => {
  for (const [requests, concurrency] of [
    [50, Infinity],
    [50, 1],
    [50, 8],
    [1, 8],
    [9, 3],
  ] as const) {
    const starts = concurrency === Infinity ? 1 : Math.ceil(requests / concurrency)
    test(`${requests} simultaneous requests at concurrency ${concurrency} cause ${starts} starts`, async () => {
      const { starter, lend } = bench({ concurrency })
      const lent = Array.from({ length: requests }, () => lend())
      await settle()
      assert.equal(starter.starts.length, starts)
      for (const each of starter.starts) each.succeed()
      const turns = await Promise.all(lent)
      assert.equal(new Set(turns.map((turn) => turn.instance.id)).size, starts)
      assert.equal(starter.starts.length, starts)
    })
  }

  test('a warm instance is lent without a start', async () => {
    const { warm, lend, starter } = bench()
    const { turn, instance } = await warm()
    giveBack(turn)
    const again = await lend()
    assert.equal(again.instance, instance)
    assert.equal(starter.starts.length, 1)
  })

  test('a failed start is reported to all whom it would have served', async () => {
    const { lend, start } = bench()
    const lent = Promise.allSettled([lend(), lend(), lend()])
    await settle()
    start(0).fail(crashed)
    for (const outcome of await lent) assert.equal(outcome.status === 'rejected' && outcome.reason, crashed)
  })

  test('a start that never reaches another task does not delay that one', async () => {
    const { lend, start, starter } = bench()
    const stuck = new Cancellation()
    const waiting = lend('stuck', stuck)
    const other = lend('other')
    await settle()
    assert.equal(starter.starts.length, 2)
    start(1).succeed()
    assert.equal((await other).instance.id, 'instance-2')
    stuck.cancel(refused)
    await assert.rejects(waiting, refused)
  })

  test('one who leaves does not stop the start that others wait for', async () => {
    const { lend, start } = bench()
    const leaving = new Cancellation()
    const [gone, stays] = [lend('hello', leaving), lend()]
    await settle()
    leaving.cancel(refused)
    await assert.rejects(gone, refused)
    assert.equal(start(0).signal.aborted, false)
    start(0).succeed()
    assert.ok(await stays)
  })

  test('the last one to leave calls a start off before the engine was asked, not after', async () => {
    for (const isAsked of [false, true]) {
      const { lend, start } = bench()
      const leaving = new Cancellation()
      const gone = lend('hello', leaving)
      await settle()
      if (isAsked) start(0).begin()
      leaving.cancel(refused)
      await assert.rejects(gone, refused)
      assert.equal(start(0).signal.aborted, !isAsked)
    }
  })

  test('with a limit, a freed instance serves who waits and the needless start is called off', async () => {
    const { warm, lend, start } = bench({ concurrency: 1 })
    const { turn, instance } = await warm()
    const waiting = lend()
    await settle()
    giveBack(turn)
    assert.equal((await waiting).instance, instance)
    assert.equal(start(1).signal.aborted, true)
  })

  test('a shortage of resources leaves those waiting who can be served by a busy instance', async () => {
    const { warm, lend, start } = bench({ concurrency: 1 })
    const { turn, instance } = await warm()
    const waiting = lend()
    await settle()
    start(1).fail(new ErrandError('resources_exhausted', 'no memory'))
    await settle()
    giveBack(turn)
    assert.equal((await waiting).instance, instance)
  })

  test('what can never start is refused before anything is asked', async () => {
    const { lend, starter } = bench()
    starter.impossible = new ErrandError('resources_unsatisfiable', 'too big')
    await assert.rejects(lend(), starter.impossible)
    assert.equal(starter.starts.length, 0)
  })

  test('more requests than the queue holds are refused, and places are given back', async () => {
    const { lend, start } = bench({ queueLimit: 2 })
    const lent = [lend(), lend()]
    await settle()
    await assert.rejects(lend(), { code: 'queue_full' })
    start(0).succeed()
    await Promise.all(lent)
    const others = [lend('other'), lend('other')]
    await settle()
    start(1).succeed()
    await Promise.all(others)
  })
})

describe('keeping and removing', () => {
  test('an idle instance goes after its keep-alive, counted from its last answer', async () => {
    const { warm, lend, clock } = bench()
    const { turn, instance } = await warm()
    giveBack(turn)
    await clock.advance(50_000)
    giveBack(await lend())
    await clock.advance(59_999)
    assert.deepEqual(instance.graces, [])
    await clock.advance(1)
    assert.deepEqual(instance.graces, [10_000])
  })

  test('a busy instance outlives any keep-alive', async () => {
    const { warm, clock } = bench()
    const { turn, instance } = await warm()
    await clock.advance(600_000)
    assert.deepEqual(instance.graces, [])
    giveBack(turn)
    await clock.advance(60_000)
    assert.deepEqual(instance.graces, [10_000])
  })

  test('a shorter keep-alive counts for what is idle already', async () => {
    const { warm, pool, clock } = bench()
    const { turn, instance } = await warm()
    giveBack(turn)
    await clock.advance(5000)
    pool.setKeepAlive(1000)
    assert.deepEqual(instance.graces, [10_000])
  })

  test('a request that comes while an instance is being removed gets a new one', async () => {
    const { warm, lend, clock, start } = bench()
    const { turn, instance } = await warm()
    giveBack(turn)
    await clock.advance(60_000)
    const next = lend()
    await settle()
    start(1).succeed()
    assert.notEqual((await next).instance, instance)
  })

  test('only idle instances can be evicted, and evicting one takes it out of the pool at once', async () => {
    const { warm, pool, idleCalls } = bench()
    const { turn, instance } = await warm()
    assert.equal(pool.idle().length, 0)
    giveBack(turn)
    assert.equal(idleCalls(), 1)
    const [evictable] = pool.idle()
    evictable?.evict(['cpu of the host'])
    assert.equal(pool.idle().length, 0)
    assert.deepEqual(instance.graces, [1000])
  })

  test('an often used instance is worth more than one used once', async () => {
    const { pool, lend, start, clock } = bench()
    for (const image of ['rare', 'often']) {
      const lent = lend(image)
      await clock.advance(100)
      start(image === 'rare' ? 0 : 1).succeed()
      giveBack(await lent)
    }
    giveBack(await lend('often'))
    giveBack(await lend('often'))
    const [rare, often] = pool.idle()
    assert.ok(rare && often && often.value > rare.value)
  })

  test('clearing ends idle and busy instances and starts, and resolves when they are gone', async () => {
    const { warm, lend, pool, start } = bench()
    const { instance } = await warm()
    const starting = lend('other')
    await settle()
    start(1).begin()
    const cancelled = assert.rejects(starting, { code: 'draining' })
    // Requests are told by their service; the pool only ends what it holds.
    start(1).fail(new ErrandError('draining', 'ends'))
    await cancelled
    await pool.clear(3000)
    assert.deepEqual(instance.graces, [3000])
    assert.equal(pool.idle().length, 0)
  })

  test('an unused pool holds no timer', async () => {
    const { warm, clock } = bench()
    assert.equal(clock.pendingTimers, 0)
    const { turn } = await warm()
    giveBack(turn)
    await clock.advance(60_000)
    assert.equal(clock.pendingTimers, 0)
  })
})
