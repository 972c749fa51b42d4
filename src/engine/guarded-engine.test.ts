import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ErrandError } from '../core/errors.ts'
import { parseImageReference } from '../core/image-reference.ts'
import { silentLog } from '../core/log.ts'
import { ManualClock } from '../core/manual-clock.ts'
import type { SandboxRef } from './engine.ts'
import { EngineUnresponsive } from './engine-breaker.ts'
import { FakeEngine } from './fake/fake-engine.ts'
import { GuardedEngine } from './guarded-engine.ts'
import { plainSpec } from './sandbox-spec.fixture.ts'

const { signal } = new AbortController()
const silence = new ErrandError('engine_unavailable', 'no answer')

interface Bench extends AsyncDisposable {
  readonly fake: FakeEngine
  readonly engine: GuardedEngine
  readonly clock: ManualClock
  readonly ref: SandboxRef
}

async function open(): Promise<Bench> {
  const clock = new ManualClock()
  const fake = new FakeEngine({ clock })
  const { id: imageId } = fake.addImage('one', {})
  const engine = new GuardedEngine(fake, { clock, log: silentLog })
  const ref = await engine.create(plainSpec(imageId), { name: 'one', labels: {} }, signal)
  return { fake, engine, clock, ref, [Symbol.asyncDispose]: async () => engine[Symbol.asyncDispose]() }
}

async function becomeSilent({ fake, engine, ref }: Bench): Promise<void> {
  for (const _call of [1, 2, 3]) {
    fake.failNext('inspect', silence)
    await assert.rejects(engine.inspect(ref, signal), silence)
  }
}

describe('an engine behind a breaker', () => {
  test('is asked nothing that a start needs while it does not answer', async () => {
    await using bench = await open()
    await becomeSilent(bench)
    const { engine, fake, ref } = bench
    const reference = parseImageReference('one')
    const before = { ...fake.calls }
    await assert.rejects(engine.images.find(reference, signal), EngineUnresponsive)
    await assert.rejects(engine.images.pull(reference, { onProgress() {} }, signal), EngineUnresponsive)
    await assert.rejects(engine.start(ref, signal), EngineUnresponsive)
    await assert.rejects(
      engine.attach(ref, () => {}, signal),
      EngineUnresponsive,
    )
    assert.deepEqual(fake.calls, before)
  })

  test('is asked to remove and to look all the same, and is back with the first answer', async () => {
    await using bench = await open()
    await becomeSilent(bench)
    const { engine, fake, ref } = bench
    await engine.remove(ref, signal)
    assert.deepEqual(fake.sandboxes, [])
    assert.equal(engine.health, 'recovering')
    assert.ok(await engine.images.find(parseImageReference('one'), signal))
    assert.equal(engine.health, 'responsive')
  })

  test('is probed by itself, and no more once it has answered', async () => {
    await using bench = await open()
    const { engine, fake, clock } = bench
    for (const _trial of [1, 2]) fake.failNext('probe', silence)
    await becomeSilent(bench)
    await clock.advance(60_000)
    assert.equal(fake.calls.probe, 3)
    assert.equal(engine.health, 'recovering')
  })

  test('is disposed with its breaker', async () => {
    const bench = await open()
    await becomeSilent(bench)
    await bench[Symbol.asyncDispose]()
    assert.deepEqual([bench.clock.pendingTimers, bench.fake.sandboxes.length], [0, 0])
  })
})
