import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ErrandError, type ErrorCode } from '../core/errors.ts'
import { silentLog } from '../core/log.ts'
import { ManualClock, settle } from '../core/manual-clock.ts'
import { FakeEngine } from '../engine/fake/fake-engine.ts'
import { ImageStore, type ImageStoreDeps } from './image-store.ts'

const { signal } = new AbortController()
const left = new ErrandError('cancelled', 'left')
const UNKNOWN_ID = `sha256:${'f'.repeat(64)}`

interface Bench {
  readonly engine: FakeEngine
  readonly clock: ManualClock
  readonly store: ImageStore
}

function bench(options: Partial<Pick<ImageStoreDeps, 'pull'>> = {}): Bench {
  const clock = new ManualClock()
  const engine = new FakeEngine({ clock })
  engine.addImage('here', {})
  engine.addRemoteImage('registry.example/there', {})
  const { images } = engine
  const store = new ImageStore({ images, clock, log: silentLog, pull: 'ifNotPresent', pullTimeoutMs: 1000, ...options })
  return { engine, clock, store }
}

function coded(code: ErrorCode): (error: unknown) => boolean {
  return (error) => error instanceof ErrandError && error.code === code
}

test('an image that is here is not pulled', async () => {
  const { engine, store } = bench()
  const { id } = await store.ensure('here', signal)
  assert.match(id, /^sha256:[0-9a-f]{64}$/)
  assert.equal((await store.ensure(id, signal)).id, id)
  assert.equal(engine.calls.pull, 0)
})

test('an absent image is pulled once for all who wait for it, however they write its name', async () => {
  const { engine, store } = bench()
  const names = ['registry.example/there', 'registry.example/there:latest', 'registry.example/there']
  const ids = await Promise.all(names.map(async (name) => (await store.ensure(name, signal)).id))
  assert.equal(new Set(ids).size, 1)
  assert.equal(engine.calls.pull, 1)
  await store.ensure('registry.example/there', signal)
  assert.equal(engine.calls.pull, 1)
})

test('one who leaves does not end a pull that another waits for', async () => {
  const { engine, store } = bench()
  const stalled = engine.stall('pull')
  const leaving = new AbortController()
  const leaver = store.ensure('registry.example/there', leaving.signal)
  const stayer = store.ensure('registry.example/there', signal)
  await settle()
  leaving.abort(left)
  await assert.rejects(leaver, left)
  stalled[Symbol.dispose]()
  assert.ok((await stayer).id)
  assert.equal(engine.calls.pull, 1)
})

test('a pull that nobody waits for any more is given up, and begun anew by whoever comes', async () => {
  const { engine, store } = bench()
  const leaving = new AbortController()
  const stalled = engine.stall('pull')
  const leaver = store.ensure('registry.example/there', leaving.signal)
  await settle()
  leaving.abort(left)
  await assert.rejects(leaver, left)
  stalled[Symbol.dispose]()
  await store.ensure('registry.example/there', signal)
  assert.equal(engine.calls.pull, 2)
})

test('a pull that takes too long fails with image_pull_timeout for all who wait', async () => {
  const { engine, clock, store } = bench()
  using _stalled = engine.stall('pull')
  const waiting = Promise.allSettled([1, 2].map(() => store.ensure('registry.example/there', signal)))
  await settle()
  await clock.advance(1000)
  for (const outcome of await waiting) {
    assert.ok(outcome.status === 'rejected' && coded('image_pull_timeout')(outcome.reason))
  }
  assert.equal(clock.pendingTimers, 0)
})

test('the registry’s refusal is handed on', async () => {
  const { engine, store } = bench()
  await assert.rejects(store.ensure('registry.example/nowhere', signal), coded('image_not_found'))
  engine.failNext('pull', new ErrandError('image_auth', 'no'))
  await assert.rejects(store.ensure('registry.example/there', signal), coded('image_auth'))
})

test('with images.pull "never" an absent image is image_not_found', async () => {
  const { engine, store } = bench({ pull: 'never' })
  await assert.rejects(store.ensure('registry.example/there', signal), coded('image_not_found'))
  assert.ok(await store.ensure('here', signal))
  assert.equal(engine.calls.pull, 0)
})

test('an image id that is not here is image_not_found: no registry can be asked for it', async () => {
  const { engine, store } = bench()
  await assert.rejects(store.ensure(UNKNOWN_ID, signal), coded('image_not_found'))
  assert.equal(engine.calls.pull, 0)
})

test('what is no image reference is refused before the engine is asked', async () => {
  const { engine, store } = bench()
  await assert.rejects(store.ensure('No Image', signal), coded('validation_failed'))
  assert.equal(engine.calls.find, 0)
})
