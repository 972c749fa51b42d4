import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ErrandError } from '../core/errors.ts'
import { parseImageReference } from '../core/image-reference.ts'
import { ManualClock, settle } from '../core/manual-clock.ts'
import { FakeEngine } from './fake/fake-engine.ts'
import { type EngineMeter, meterEngine } from './metered-engine.ts'

const NEVER = new AbortController().signal

function metered() {
  const calls: Parameters<EngineMeter['called']>[] = []
  const clock = new ManualClock()
  const fake = new FakeEngine({ images: { there: {} } })
  const engine = meterEngine(fake, { called: (...call) => void calls.push(call) }, clock)
  return { calls, clock, fake, engine }
}

test('each call is timed by its operation, those of images by names of their own', async () => {
  const { calls, clock, fake, engine } = metered()
  const stall = fake.stall('probe')
  const probing = engine.probe(NEVER)
  await stall.reached
  await clock.advance(250)
  stall[Symbol.dispose]()
  assert.equal((await probing).version, (await fake.probe(NEVER)).version)
  assert.notEqual(await engine.images.find(parseImageReference('there'), NEVER), undefined)
  assert.deepEqual(calls, [
    ['probe', 250, undefined],
    ['image_find', 0, undefined],
  ])
})

test('a call that fails is told with its code, and one that its caller gives up with the reason', async () => {
  const { calls, fake, engine } = metered()
  fake.failNext('list', new ErrandError('engine_unavailable', 'no answer'))
  await assert.rejects(engine.list('a', 'b', NEVER), { code: 'engine_unavailable' })
  const stall = fake.stall('list')
  const leaving = new AbortController()
  const listing = engine.list('a', 'b', leaving.signal)
  await stall.reached
  leaving.abort(new ErrandError('cancelled', 'enough'))
  await assert.rejects(listing, { code: 'cancelled' })
  stall[Symbol.dispose]()
  assert.deepEqual(
    calls.map(([operation, , error]) => [operation, error]),
    [
      ['list', 'engine_unavailable'],
      ['list', 'cancelled'],
    ],
  )
})

test('streams, plain questions and the end are passed through', async () => {
  const { calls, fake, engine } = metered()
  const listening = new AbortController()
  const events = engine.events('a', 'b', listening.signal)[Symbol.asyncIterator]()
  assert.deepEqual((await events.next()).value, { kind: 'listening' })
  listening.abort()
  await events.next().catch(() => {})
  assert.deepEqual([engine.name, engine.explainExit(0, '')], [fake.name, fake.explainExit(0, '')])
  await engine[Symbol.asyncDispose]()
  await settle()
  assert.deepEqual(calls, [])
})
