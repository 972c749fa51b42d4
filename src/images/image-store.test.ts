import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { ErrandError } from '../core/errors.ts'
import { settle } from '../core/manual-clock.ts'
import { coded, ImagesBench } from './images-bench.fixture.ts'

const { signal } = new AbortController()
const left = new ErrandError('cancelled', 'left')
const UNKNOWN_ID = `sha256:${'f'.repeat(64)}`
const THERE = 'registry.example/there'

test('F75: an image that is here is never asked for of a registry, whatever that would answer', async () => {
  await using bench = await ImagesBench.open()
  bench.engine.addImage('registry.example/here', { failures: { pull: new ErrandError('image_auth', 'no') } })
  const { id, digest } = await bench.store.ensure('registry.example/here', signal)
  assert.match(id, /^sha256:[0-9a-f]{64}$/)
  assert.equal(digest, undefined)
  assert.equal((await bench.store.ensure(id, signal)).id, id)
  assert.equal(bench.engine.calls.pull, 0)
})

test('an absent image is pulled once for all who wait for it, however they write its name', async () => {
  await using bench = await ImagesBench.open()
  bench.engine.addRemoteImage('team/there', {})
  const names = ['team/there', 'docker.io/team/there:latest', 'index.docker.io/team/there']
  const held = await Promise.all(names.map((name) => bench.store.ensure(name, signal)))
  assert.equal(new Set(held.map(({ id }) => id)).size, 1)
  assert.equal(bench.engine.calls.pull, 1)
  await bench.store.ensure('team/there', signal)
  assert.equal(bench.engine.calls.pull, 1)
})

test('the digest of a pulled image is told, and logged with the pull', async () => {
  await using bench = await ImagesBench.open()
  bench.engine.addRemoteImage(THERE, {})
  const { id, digest } = await bench.store.ensure(THERE, signal)
  assert.match(digest ?? '', /^sha256:[0-9a-f]{64}$/)
  const [pulled] = bench.log.factsOf('pulled an image')
  assert.deepEqual([pulled?.id, pulled?.digests], [id, [`${THERE}@${digest}`]])
})

test('F35: an image that is removed by hand is pulled again, or not found where it may not be', async () => {
  await using bench = await ImagesBench.open()
  bench.engine.addRemoteImage(THERE, {})
  const first = await bench.store.ensure(THERE, signal)
  await bench.engine.images.remove({ kind: 'id', id: first.id }, signal)
  assert.equal((await bench.store.ensure(THERE, signal)).id, first.id)
  assert.equal(bench.engine.calls.pull, 2)
  await bench.engine.images.remove({ kind: 'id', id: first.id }, signal)
  await using never = await ImagesBench.open({ pull: 'never', engine: bench.engine })
  await assert.rejects(never.store.ensure(THERE, signal), coded('image_not_found'))
})

test('with images.pull "never" an absent image is image_not_found', async () => {
  await using bench = await ImagesBench.open({ pull: 'never' })
  bench.engine.addRemoteImage(THERE, {})
  bench.engine.addImage('here', {})
  await assert.rejects(bench.store.ensure(THERE, signal), coded('image_not_found'))
  assert.ok(await bench.store.ensure('here', signal))
  assert.equal(bench.engine.calls.pull, 0)
})

test('an image id that is not here is image_not_found: no registry can be asked for it', async () => {
  await using bench = await ImagesBench.open()
  await assert.rejects(bench.store.ensure(UNKNOWN_ID, signal), coded('image_not_found'))
  assert.equal(bench.engine.calls.pull, 0)
})

test('one who leaves does not end a pull that another waits for', async () => {
  await using bench = await ImagesBench.open()
  bench.engine.addRemoteImage(THERE, {})
  const stalled = bench.engine.stall('pull')
  const leaving = new AbortController()
  const leaver = bench.store.ensure(THERE, leaving.signal)
  const stayer = bench.store.ensure(THERE, signal)
  await settle()
  leaving.abort(left)
  await assert.rejects(leaver, left)
  stalled[Symbol.dispose]()
  assert.ok((await stayer).id)
  assert.equal(bench.engine.calls.pull, 1)
})

test('a pull that nobody waits for any more is given up, and begun anew by whoever comes', async () => {
  await using bench = await ImagesBench.open()
  bench.engine.addRemoteImage(THERE, {})
  const leaving = new AbortController()
  const stalled = bench.engine.stall('pull')
  const leaver = bench.store.ensure(THERE, leaving.signal)
  await settle()
  leaving.abort(left)
  await assert.rejects(leaver, left)
  stalled[Symbol.dispose]()
  await bench.store.ensure(THERE, signal)
  assert.equal(bench.engine.calls.pull, 2)
  assert.equal(bench.clock.pendingTimers, 0)
})

describe('a name that has moved', () => {
  test('outdates what was made from the old image, as the next look-up shows', async () => {
    await using bench = await ImagesBench.open()
    bench.engine.addImage('task', {}, 'old')
    const old = await bench.store.ensure('task', signal)
    bench.engine.addImage('task', {}, 'new')
    assert.equal(old.isStale, false)
    const fresh = await bench.store.ensure('docker.io/library/task:latest', signal)
    assert.notEqual(fresh.id, old.id)
    assert.deepEqual([old.isStale, fresh.isStale, bench.stale], [true, false, 1])
  })

  test('is noticed by a recheck, once, and one that is gone is not taken for moved', async () => {
    await using bench = await ImagesBench.open()
    const { id } = bench.engine.addImage('task', {}, 'old')
    const held = await bench.store.ensure('task', signal)
    await bench.engine.images.remove({ kind: 'id', id }, signal)
    await bench.store.recheck(signal)
    assert.deepEqual([held.isStale, bench.stale], [false, 0])
    bench.engine.addImage('task', {}, 'new')
    await bench.store.recheck(signal)
    await bench.store.recheck(signal)
    assert.deepEqual([held.isStale, bench.stale], [true, 1])
  })

  test('outdates nobody who named the image by id, or has let go', async () => {
    await using bench = await ImagesBench.open()
    const { id } = bench.engine.addImage('task', {}, 'old')
    const byId = await bench.store.ensure(id, signal)
    const gone = await bench.store.ensure('task', signal)
    gone[Symbol.dispose]()
    bench.engine.addImage('task', {}, 'new')
    await bench.store.ensure('task', signal)
    assert.deepEqual([byId.isStale, gone.isStale, bench.stale], [false, false, 0])
  })
})

describe('A10: what a caller calls an image', () => {
  const nasty = [
    '--privileged',
    '../../x',
    'a\0b',
    '\0',
    'x'.repeat(4096),
    'a b',
    'a\nb',
    '-v=/:/host',
    'http://169.254.169.254/latest',
    'image;reboot',
    '$(reboot)',
    '@sha256:x',
    'No/Image',
    '[::1]:5000/x',
    '',
  ]

  for (const text of nasty) {
    test(`${JSON.stringify(text.slice(0, 40))} never reaches the engine`, async () => {
      await using bench = await ImagesBench.open()
      assert.throws(() => bench.store.assertAllowed(text), coded('validation_failed'))
      await assert.rejects(bench.store.ensure(text, signal), coded('validation_failed'))
      assert.equal(bench.engine.calls.find + bench.engine.calls.pull, 0)
    })
  }

  test('reaches the engine only as a reference that registries know, whatever it is', async () => {
    await using bench = await ImagesBench.open()
    const hostile = fc.oneof(fc.string({ unit: 'binary' }), fc.stringMatching(/^[-a-zA-Z0-9./:@_ %\\]{0,80}$/))
    await fc.assert(
      fc.asyncProperty(hostile, async (text) => {
        const before = bench.engine.calls.find
        const code = await bench.store.ensure(text, signal).then(
          () => 'none',
          (error: unknown) => ErrandError.from(error).code,
        )
        if (bench.engine.calls.find > before) assert.match(text, /^[A-Za-z0-9][A-Za-z0-9._:/@-]*$/)
        else assert.equal(code, 'validation_failed')
      }),
    )
  })
})

describe('an image that images.allow does not name', () => {
  test('is forbidden before anything is asked', async () => {
    await using bench = await ImagesBench.open({ allow: ['docker.io/library/*'] })
    bench.engine.addImage('team/task', {})
    assert.throws(() => bench.store.assertAllowed('team/task'), coded('forbidden'))
    await assert.rejects(bench.store.ensure('team/task', signal), coded('forbidden'))
    await assert.rejects(bench.store.ensure(UNKNOWN_ID, signal), coded('forbidden'))
    assert.equal(bench.engine.calls.find + bench.engine.calls.pull, 0)
    bench.engine.addImage('task', {})
    assert.ok(await bench.store.ensure('task', signal))
  })
})

test('A10: a registry inside is not asked unless it is listed; what is here runs whatever its name', async () => {
  const addresses = { 'inside.example': '169.254.169.254' }
  await using bench = await ImagesBench.open({ addresses })
  for (const registry of ['127.0.0.1:5000', '10.1.2.3', '169.254.169.254', 'inside.example:443']) {
    bench.engine.addRemoteImage(`${registry}/x`, {})
    await assert.rejects(bench.store.ensure(`${registry}/x`, signal), coded('forbidden'))
  }
  assert.equal(bench.engine.calls.pull, 0)
  bench.engine.addImage('10.1.2.3/x', {})
  assert.ok(await bench.store.ensure('10.1.2.3/x', signal))
  await using listed = await ImagesBench.open({ addresses, privateRegistries: ['127.0.0.1'], engine: bench.engine })
  assert.ok(await listed.store.ensure('127.0.0.1:5000/x', signal))
})
