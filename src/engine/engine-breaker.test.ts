import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ErrandError } from '../core/errors.ts'
import { silentLog } from '../core/log.ts'
import { ManualClock, settle } from '../core/manual-clock.ts'
import { EngineBreaker, EngineUnresponsive } from './engine-breaker.ts'

const { signal } = new AbortController()
const silence = new ErrandError('engine_unavailable', 'no answer')

/** An engine that answers or not, as the test says. */
class Bench implements AsyncDisposable {
  readonly clock = new ManualClock()
  isAnswering = true
  trials = 0
  calls = 0
  readonly breaker = new EngineBreaker({
    name: 'fake',
    trial: async () => {
      this.trials += 1
      this.#answer()
    },
    clock: this.clock,
    log: silentLog,
  })

  /** As a caller's call goes: refused, unanswered or answered. */
  async call(): Promise<'refused' | 'unanswered' | 'answered'> {
    try {
      this.breaker.assertResponsive()
      await this.breaker.observe(async () => {
        this.calls += 1
        this.#answer()
      }, signal)
      return 'answered'
    } catch (error) {
      return error instanceof EngineUnresponsive ? 'refused' : 'unanswered'
    }
  }

  async silence(): Promise<void> {
    this.isAnswering = false
    for (const _call of [1, 2, 3]) assert.equal(await this.call(), 'unanswered')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.breaker[Symbol.asyncDispose]()
  }

  #answer(): void {
    if (!this.isAnswering) throw silence
  }
}

describe('the breaker of an engine', () => {
  test('opens after three calls in a row without an answer, and makes no more', async () => {
    await using bench = new Bench()
    await bench.silence()
    assert.equal(bench.breaker.health, 'unresponsive')
    assert.equal(await bench.call(), 'refused')
    assert.equal(bench.calls, 3)
  })

  test('counts calls in a row alone, and a refusal as an answer', async () => {
    await using bench = new Bench()
    const refusal = new ErrandError('image_not_found', 'no')
    for (const _round of [1, 2]) {
      bench.isAnswering = false
      for (const _call of [1, 2]) await bench.call()
      await assert.rejects(
        bench.breaker.observe(() => Promise.reject(refusal), signal),
        refusal,
      )
    }
    assert.equal(bench.breaker.health, 'responsive')
  })

  test('names the time until its next trial to whom it refuses', async () => {
    await using bench = new Bench()
    await bench.silence()
    const retryAfters: (number | undefined)[] = []
    for (const delayMs of [200, 400, 800]) {
      try {
        bench.breaker.assertResponsive()
      } catch (error) {
        assert.ok(error instanceof EngineUnresponsive)
        assert.equal(error.code, 'engine_unavailable')
        retryAfters.push(error.retryAfterMs)
      }
      await bench.clock.advance(delayMs)
    }
    assert.deepEqual(retryAfters, [200, 400, 800])
  })

  test('tries in delays that double from 0.2 to 10 s', async () => {
    await using bench = new Bench()
    await bench.silence()
    await bench.clock.advance(200 + 400 + 800 + 1600 + 3200 + 6400)
    assert.equal(bench.trials, 6)
    await bench.clock.advance(30_000)
    assert.equal(bench.trials, 9)
  })

  test('lets calls through after an answered trial, and closes with the first answer', async () => {
    await using bench = new Bench()
    await bench.silence()
    bench.isAnswering = true
    await bench.clock.advance(200)
    assert.equal(bench.breaker.health, 'recovering')
    assert.equal(await bench.call(), 'answered')
    assert.equal(bench.breaker.health, 'responsive')
    assert.equal(bench.clock.pendingTimers, 0)
  })

  test('opens again with the first call without an answer after a trial, and then waits longer', async () => {
    await using bench = new Bench()
    await bench.silence()
    bench.isAnswering = true
    await bench.clock.advance(200)
    bench.isAnswering = false
    assert.equal(await bench.call(), 'unanswered')
    assert.equal(await bench.call(), 'refused')
    await bench.clock.advance(399)
    assert.equal(bench.trials, 1)
    await bench.clock.advance(1)
    assert.equal(bench.trials, 2)
  })

  test('learns from calls that are made all the same that the engine is back', async () => {
    await using bench = new Bench()
    await bench.silence()
    await bench.breaker.observe(async () => 'seen', signal)
    assert.equal(bench.breaker.health, 'recovering')
    await settle()
    assert.equal(bench.clock.pendingTimers, 0)
  })

  test('is not opened by callers who leave at once', async () => {
    await using bench = new Bench()
    await abandon(bench, 0)
    assert.deepEqual([bench.breaker.health, bench.trials], ['responsive', 0])
  })

  test('tries an engine whose callers leave after long waits, so that they open it too', async () => {
    await using bench = new Bench()
    bench.isAnswering = false
    for (const _caller of [1, 2, 3]) await abandon(bench, 5000)
    assert.equal(bench.breaker.health, 'unresponsive')
    assert.equal(bench.trials, 3)
  })

  test('leaves no timer when it is disposed, however often', async () => {
    const bench = new Bench()
    await bench.silence()
    await bench[Symbol.asyncDispose]()
    await bench[Symbol.asyncDispose]()
    assert.equal(bench.clock.pendingTimers, 0)
  })
})

/** A call that its caller gives up after `afterMs`. */
async function abandon({ breaker, clock }: Bench, afterMs: number): Promise<void> {
  const leaving = new AbortController()
  const hanging = new Promise<never>((_, reject) => {
    leaving.signal.addEventListener('abort', () => reject(leaving.signal.reason))
  })
  const left = assert.rejects(breaker.observe(() => hanging, leaving.signal))
  await clock.advance(afterMs)
  leaving.abort(new ErrandError('deadline_exceeded', 'left'))
  await left
  await settle()
}
