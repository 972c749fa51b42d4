import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ErrandError } from '../core/errors.ts'
import { coded } from './images-bench.fixture.ts'
import { advance, OTHER, open, openByHand, step, THERE } from './remote-images.fixture.ts'

const never = new AbortController().signal

describe('F70: a pull', () => {
  test('in which nothing moves for noProgressTimeoutMs is image_pull_timeout, and is not begun again', async () => {
    const { bench, pulls } = await openByHand({ noProgressTimeoutMs: 120_000, pullTimeoutMs: 1e6 })
    await using _bench = bench
    const held = assert.rejects(bench.store.ensure(THERE, never), (error: unknown) => {
      assert.ok(coded('image_pull_timeout')(error))
      assert.deepEqual(ErrandError.from(error).details, { image: `${THERE}:latest`, bytes: 3, totalBytes: 100 })
      return true
    })
    await advance(bench, 0)
    for (let bytes = 0; bytes < 4; bytes += 1) {
      pulls[0]?.onProgress(step(bytes))
      await advance(bench, 60_000)
    }
    // The same again is no progress.
    pulls[0]?.onProgress(step(3))
    await advance(bench, 60_000)
    await held
    assert.equal(pulls.length, 1)
    assert.equal(bench.clock.pendingTimers, 0)
  })

  test('that goes on and on ends with pullTimeoutMs', async () => {
    const { bench, pulls } = await openByHand({ pullTimeoutMs: 100_000 })
    await using _bench = bench
    const held = assert.rejects(bench.store.ensure(THERE, never), coded('image_pull_timeout'))
    for (let bytes = 0; bytes < 10; bytes += 1) {
      await advance(bench, 10_000)
      pulls[0]?.onProgress(step(bytes))
    }
    await held
    assert.equal(pulls[0]?.signal.aborted, true)
  })

  test('tells its progress every 10 s while it moves, with the number of those who wait', async () => {
    const { bench, pulls } = await openByHand({ noProgressTimeoutMs: 60_000 })
    await using _bench = bench
    const waiting = Promise.allSettled([1, 2, 3].map(() => bench.store.ensure(THERE, never)))
    await advance(bench, 0)
    for (let bytes = 1; bytes <= 200; bytes += 1) pulls[0]?.onProgress(step(bytes, 500))
    assert.deepEqual(bench.store.progress(THERE), { layers: 1, bytes: 200, totalBytes: 500 })
    assert.equal(bench.store.progress(OTHER), undefined)
    await advance(bench, 25_000)
    pulls[0]?.onProgress({ status: 'Downloading', layer: 'b', currentBytes: 1, totalBytes: 2 })
    await advance(bench, 62_000)
    await waiting
    assert.equal(bench.store.progress(THERE), undefined)
    assert.deepEqual(bench.log.factsOf('a pull is under way'), [
      { image: `${THERE}:latest`, layers: 1, bytes: 200, totalBytes: 500, waiting: 3 },
      { image: `${THERE}:latest`, layers: 2, bytes: 201, totalBytes: 502, waiting: 3 },
    ])
    assert.deepEqual(
      bench.log.factsOf('waiting for a pull under way').map(({ waiting: place }) => place),
      [2, 3],
    )
  })
})

describe('A13: an image that is too large', () => {
  test('is not begun when the reserve is not free', async () => {
    await using bench = await open({ limits: { minFreeBytes: 100 } })
    bench.disk = () => ({ totalBytes: 1000, freeBytes: 100 })
    await assert.rejects(bench.store.ensure(THERE, never), coded('storage_full'))
    assert.equal(bench.engine.calls.pull, 0)
    bench.disk = () => undefined
    assert.ok((await bench.store.ensure(THERE, never)).id)
  })

  test('is given up as soon as its layers say that they do not fit', async () => {
    const { bench, pulls } = await openByHand({ limits: { minFreeBytes: 100 } })
    await using _bench = bench
    const held = assert.rejects(bench.store.ensure(THERE, never), coded('storage_full'))
    await advance(bench, 0)
    pulls[0]?.onProgress(step(1, 100e9))
    await advance(bench, 2000)
    await held
    assert.equal(pulls[0]?.signal.aborted, true)
  })

  test('is given up when unpacking it reaches the reserve', async () => {
    const { bench, pulls } = await openByHand({ limits: { minFreeBytes: 100 } })
    await using _bench = bench
    const held = assert.rejects(bench.store.ensure(THERE, never), coded('storage_full'))
    await advance(bench, 0)
    pulls[0]?.onProgress(step(100, 100))
    await advance(bench, 2000)
    bench.disk = () => ({ totalBytes: 1000, freeBytes: 99 })
    await advance(bench, 2000)
    await held
  })
})
