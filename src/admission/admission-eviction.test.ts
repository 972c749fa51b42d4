import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { settle } from '../core/manual-clock.ts'
import { NO_RESOURCES, RESOURCE_KINDS } from '../core/resources.ts'
import type { Lease } from '../resources/ledger.ts'
import { AdmissionWorld, callerLeft, cores } from './admission-world.fixture.ts'

test('shortage evicts the least valuable idle instance, and the request gets what that gives back', async () => {
  const world = new AdmissionWorld({ hostCheck: 'memory' })
  const [dear, cheap] = [await world.admit(cores(2000)), await world.admit(cores(2000))]
  world.becomeIdle(dear, 9)
  world.becomeIdle(cheap, 1)
  const waiting = world.admit(cores(1500))
  assert.deepEqual([world.evicted, world.short], [[cheap], [['cpu of the grant']]])
  cheap.release()
  await waiting
  assert.deepEqual(world.evicted, [cheap])
})

test('while what was evicted is on its way back, nothing more is evicted for the same shortage', async () => {
  const world = new AdmissionWorld()
  const leases = await Promise.all([1, 2, 3, 4].map(() => world.admit(cores(1000))))
  for (const [value, lease] of leases.entries()) world.becomeIdle(lease, value)
  const first = world.admit(cores(2000))
  const second = world.admit(cores(1000))
  world.admission.wake()
  await settle()
  assert.deepEqual(world.evicted, leases.slice(0, 2))
  leases[0]?.release()
  assert.equal(world.evicted.length, 2)
  leases[1]?.release()
  await first
  assert.deepEqual(world.evicted, leases.slice(0, 3), 'the second is first now, and has its own shortage')
  leases[2]?.release()
  await second
})

test('an instance that is being removed for another reason counts as room on its way', async () => {
  const world = new AdmissionWorld()
  const [leaving, idle] = [await world.admit(cores(2000)), await world.admit(cores(2000))]
  leaving.markReturning()
  world.becomeIdle(idle)
  const waiting = world.admit(cores(2000))
  assert.deepEqual(world.evicted, [])
  leaving.release()
  await waiting
})

test('none is evicted while even all idle ones would not do', async () => {
  const world = new AdmissionWorld()
  const [busy, idle] = [await world.admit(cores(3000)), await world.admit(cores(1000))]
  world.becomeIdle(idle)
  const waiting = world.admit(cores(2000))
  assert.deepEqual(world.evicted, [])
  world.becomeIdle(busy, 2)
  assert.deepEqual(world.evicted, [busy])
  busy.release()
  await waiting
})

test('an eviction that gives back at once admits at once', async () => {
  const world = new AdmissionWorld()
  const lease = await world.admit(cores(4000))
  world.idle.push({
    resources: lease.resources,
    value: 1,
    evict: () => {
      world.idle.pop()
      lease.release()
    },
  })
  await Promise.all([world.admit(cores(3000)), world.admit(cores(1000))])
})

type Step = { act: 'admit' | 'release' | 'abort' | 'idle' | 'wait' | 'gone'; index: number; cpu: number }

test('no sequence of admit, release, abort, idle and evict breaks the ledger, the order, or forgets a waiter', async () => {
  const step = fc.record({
    act: fc.constantFrom<Step['act']>('admit', 'admit', 'release', 'abort', 'idle', 'gone', 'wait'),
    index: fc.nat(12),
    cpu: fc.integer({ min: 1, max: 40 }).map((tenths) => tenths * 100),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 50 }), async (steps) => {
      await runSequence(steps)
    }),
    { numRuns: 100 },
  )
})

async function runSequence(steps: readonly Step[]): Promise<void> {
  const world = new AdmissionWorld({ queueLimit: 100 })
  const callers: AbortController[] = []
  const held: Lease[] = []
  const outcomes: Promise<void>[] = []
  const admit = (cpu: number): void => {
    const [caller, number] = [new AbortController(), callers.length]
    callers.push(caller)
    const lease = world.admit(cores(cpu), { name: String(number), timeoutMs: 1e9, signal: caller.signal })
    outcomes.push(
      lease.then(
        (each) => void held.push(each),
        (thrown) => assert.equal(thrown, callerLeft),
      ),
    )
  }
  for (const { act, index, cpu } of steps) {
    if (act === 'admit') admit(cpu)
    else if (act === 'abort') callers[index]?.abort(callerLeft)
    else if (act === 'wait') await settle()
    else if (act === 'gone') world.evicted.shift()?.release()
    else {
      const [lease] = held.splice(index, 1)
      if (act === 'release') lease?.release()
      else if (lease !== undefined) world.becomeIdle(lease, index)
    }
    for (const kind of RESOURCE_KINDS) assert.ok(world.ledger.free[kind] >= 0)
  }
  for (let round = 0; round < 3 * callers.length + 3; round++) {
    await settle()
    for (const lease of [...world.evicted.splice(0), ...held.splice(0)]) lease.release()
    for (const evictable of world.idle.slice()) evictable.evict([])
  }
  await Promise.all(outcomes)
  const order = world.ledger.reservedFor.map(Number)
  const inOrder = order.toSorted((a, b) => a - b)
  assert.deepEqual(order, inOrder, 'reserved in the order of asking')
  assert.deepEqual(world.ledger.reserved, NO_RESOURCES)
  assert.deepEqual(world.ledger.returning, NO_RESOURCES)
  assert.equal(world.admission.waiting, 0)
  assert.equal(world.clock.pendingTimers, 0)
}
