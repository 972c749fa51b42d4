import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ErrandError } from '../core/errors.ts'
import { settle } from '../core/manual-clock.ts'
import { coded } from './images-bench.fixture.ts'
import { advance, OTHER, open, THERE } from './remote-images.fixture.ts'

const never = new AbortController().signal

function unavailable(): ErrandError {
  return new ErrandError('registry_unavailable', 'connection refused', { retryAfterMs: 1000 })
}

function limited(retryAfterMs: number): ErrandError {
  const details = { registryStatus: 429 }
  return new ErrandError('registry_unavailable', 'toomanyrequests', { details, retryAfterMs })
}

describe('F68: a registry that cannot', () => {
  test('is asked again after 1, 2, 4 ... 30 s, with the last error in the log, until it can', async () => {
    await using bench = await open()
    for (let failures = 0; failures < 7; failures += 1) bench.engine.failNext('pull', unavailable())
    const held = bench.store.ensure(THERE, never)
    await advance(bench, 91_000)
    assert.ok((await held).id)
    const warnings = bench.log.factsOf('a pull failed; trying again')
    assert.deepEqual(
      warnings.map(({ retryInMs }) => retryInMs),
      [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000],
    )
    assert.ok(warnings.every(({ lastError, waiting }) => lastError === 'connection refused' && waiting === 1))
  })

  test('is registry_unavailable for all who wait once pullTimeoutMs leaves no time for another attempt', async () => {
    await using bench = await open({ pullTimeoutMs: 10_000 })
    bench.engine.addRemoteImage(THERE, { failures: { pull: unavailable() } })
    const waiting = Promise.allSettled([1, 2].map(() => bench.store.ensure(THERE, never)))
    await advance(bench, 10_000)
    for (const outcome of await waiting) {
      assert.ok(outcome.status === 'rejected' && coded('registry_unavailable')(outcome.reason))
    }
    assert.equal(bench.engine.calls.pull, 4)
    assert.equal(bench.clock.pendingTimers, 0)
  })

  test('keeps nobody who leaves meanwhile', async () => {
    await using bench = await open()
    bench.engine.addRemoteImage(THERE, { failures: { pull: unavailable() } })
    const leaving = new AbortController()
    const left = new ErrandError('cancelled', 'left')
    const held = bench.store.ensure(THERE, leaving.signal)
    await advance(bench, 500)
    leaving.abort(left)
    await assert.rejects(held, left)
    await settle()
    assert.equal(bench.clock.pendingTimers, 0)
  })
})

for (const [row, code] of [
  ['F71', 'image_auth'],
  ['F74', 'image_invalid'],
  ['F19', 'storage_full'],
] as const) {
  test(`${row}: ${code} is told at once and not tried again`, async () => {
    await using bench = await open()
    bench.engine.failNext('pull', new ErrandError(code, 'no'))
    await assert.rejects(bench.store.ensure(THERE, never), coded(code))
    assert.equal(bench.engine.calls.pull, 1)
    assert.ok((await bench.store.ensure(THERE, never)).id)
  })
}

test('F72: what a registry does not have is told at once, and believed for 10 s; other images are not affected', async () => {
  await using bench = await open()
  const missing = 'registry.example/missing'
  await assert.rejects(bench.store.ensure(missing, never), coded('image_not_found'))
  await advance(bench, 9999)
  await assert.rejects(bench.store.ensure(missing, never), coded('image_not_found'))
  assert.ok((await bench.store.ensure(THERE, never)).id)
  assert.equal(bench.engine.calls.pull, 2)
  await advance(bench, 1)
  bench.engine.addRemoteImage(missing, {})
  assert.ok((await bench.store.ensure(missing, never)).id)
})

test('F72: an image that is brought here meanwhile runs', async () => {
  await using bench = await open()
  await assert.rejects(bench.store.ensure('brought', never), coded('image_not_found'))
  bench.engine.addImage('brought', {})
  assert.ok((await bench.store.ensure('brought', never)).id)
})

describe('F73: a registry that limits our rate', () => {
  test('is left alone by all pulls for as long as it says', async () => {
    await using bench = await open()
    bench.engine.failNext('pull', limited(60_000))
    const first = bench.store.ensure(THERE, never)
    await advance(bench, 1000)
    const second = bench.store.ensure(OTHER, never)
    bench.engine.addRemoteImage('elsewhere.example/x', {})
    assert.ok((await bench.store.ensure('elsewhere.example/x', never)).id)
    await advance(bench, 58_000)
    assert.deepEqual(
      bench.engine.images.pulls.map(({ name }) => name),
      [`${THERE}:latest`, 'elsewhere.example/x:latest'],
    )
    await advance(bench, 1000)
    assert.ok((await first).id)
    assert.ok((await second).id)
  })

  test('is registry_unavailable at once when it says to come back after pullTimeoutMs', async () => {
    await using bench = await open()
    bench.engine.failNext('pull', limited(86_400_000))
    await assert.rejects(bench.store.ensure(THERE, never), { code: 'registry_unavailable', retryAfterMs: 86_400_000 })
    await assert.rejects(bench.store.ensure(OTHER, never), { code: 'registry_unavailable', retryAfterMs: 86_400_000 })
    assert.equal(bench.engine.calls.pull, 1)
  })
})

test('credentials go with pulls from their own registry, and are in no line of the log', async () => {
  const credentials = { registry: 'registry.example', kind: 'password', username: 'ann', secret: 'canary' } as const
  await using bench = await open({ credentials })
  bench.engine.addRemoteImage('elsewhere.example/x', {})
  await bench.store.ensure(THERE, never)
  await bench.store.ensure('elsewhere.example/x', never)
  assert.deepEqual(bench.engine.images.pulls, [
    { name: `${THERE}:latest`, credentials },
    { name: 'elsewhere.example/x:latest', credentials: undefined },
  ])
  assert.deepEqual(
    bench.log.factsOf('pulling an image').map(({ isAnonymous }) => isAnonymous),
    [false, true],
  )
  assert.ok(!JSON.stringify(bench.log.lines).includes('canary'))
})
