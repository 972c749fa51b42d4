import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ErrandError } from '../core/errors.ts'
import { settle } from '../core/manual-clock.ts'
import { bench, giveBack } from './pool-bench.fixture.ts'

const crashed = new ErrandError('task_exited', 'exited 3', { details: { exitCode: 3 } })

describe('failures', () => {
  test('starts back off after failures, and after three requests are refused until the delay is over', async () => {
    const { lend, start, starter, clock } = bench()
    for (const delayMs of [0, 1000, 2000]) {
      const failing = lend()
      failing.catch(() => {})
      await clock.advance(delayMs - 1)
      const before = starter.starts.length
      await clock.advance(1)
      assert.equal(starter.starts.length, delayMs === 0 ? before : before + 1)
      start(starter.starts.length - 1).fail(crashed)
      await assert.rejects(failing, crashed)
    }
    await assert.rejects(lend(), { code: 'crash_loop', retryAfterMs: 4000 })
    await clock.advance(4000)
    const again = lend()
    await settle()
    start(3).succeed()
    assert.ok(await again)
  })

  test('failures of this node are not held against the task', async () => {
    const { lend, start, starter } = bench()
    for (let index = 0; index < 4; index += 1) {
      const failing = lend()
      await settle()
      start(index).fail(new ErrandError('engine_unavailable', 'gone', { retryAfterMs: 1000 }))
      await assert.rejects(failing, { code: 'engine_unavailable' })
    }
    assert.equal(starter.starts.length, 4)
  })

  test('an answer makes the failures before it forgotten', async () => {
    const { lend, start, clock } = bench()
    const failing = lend()
    await settle()
    start(0).fail(crashed)
    await assert.rejects(failing, crashed)
    const second = lend()
    await clock.advance(1000)
    const instance = start(1).succeed()
    giveBack(await second)
    instance.die(7)
    await settle()
    const third = lend()
    await clock.advance(1000)
    start(2).succeed()
    assert.ok(await third)
  })

  test('an instance that dies is lent no more, and those who wait get another', async () => {
    const { warm, lend, start, clock } = bench({ concurrency: 1 })
    const { turn, instance } = await warm()
    const waiting = lend()
    await settle()
    instance.die(7)
    await settle()
    turn[Symbol.dispose]()
    await clock.advance(1000)
    start(1).succeed()
    assert.notEqual((await waiting).instance, instance)
    assert.deepEqual(instance.graces, [0])
  })

  test('an instance is replaced after three faulty exchanges in a row', async () => {
    const { warm, lend } = bench()
    const { turn, instance } = await warm()
    turn[Symbol.dispose]()
    ;(await lend())[Symbol.dispose]()
    giveBack(await lend())
    for (let fault = 0; fault < 3; fault += 1) {
      assert.deepEqual(instance.graces, [])
      ;(await lend())[Symbol.dispose]()
    }
    assert.deepEqual(instance.graces, [1000])
  })
})

describe('an instance that did not answer in time', () => {
  for (const isResponsive of [true, false]) {
    test(`is ${isResponsive ? 'kept' : 'replaced'} when it ${isResponsive ? 'answers' : 'does not answer'} a probe`, async () => {
      const { warm, lend, start } = bench({ isResponsive })
      const { turn, instance } = await warm()
      turn.suspect()
      turn[Symbol.dispose]()
      await settle()
      assert.deepEqual(instance.graces, isResponsive ? [] : [1000])
      const next = lend()
      await settle()
      if (!isResponsive) start(1).succeed()
      assert.equal((await next).instance === instance, isResponsive)
    })
  }

  test('is removed only when its other requests have ended', async () => {
    const { warm, lend } = bench({ isResponsive: false })
    const { turn, instance } = await warm()
    const other = await lend()
    turn.suspect()
    turn[Symbol.dispose]()
    await settle()
    assert.deepEqual(instance.graces, [])
    giveBack(other)
    assert.deepEqual(instance.graces, [1000])
  })
})
