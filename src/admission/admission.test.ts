import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ErrandError } from '../core/errors.ts'
import { settle } from '../core/manual-clock.ts'
import { NO_RESOURCES } from '../core/resources.ts'
import { AdmissionWorld, callerLeft, cores, never } from './admission-world.fixture.ts'

async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false
  const note = (): void => {
    settled = true
  }
  promise.then(note, note)
  await settle()
  return settled
}

test('what fits is leased at once and leaves no timer behind', async () => {
  const world = new AdmissionWorld()
  const lease = await world.admit(cores(1000))
  assert.deepEqual(world.ledger.reserved, lease.resources)
  assert.equal(world.clock.pendingTimers, 0)
})

test('more than the capacity is refused at once, naming resource, asked and maximum', async () => {
  const world = new AdmissionWorld()
  await assert.rejects(world.admit(cores(100, 5000)), {
    code: 'resources_unsatisfiable',
    message: /resource limit exceeds the maximum/,
    details: { resource: 'memoryBytes', asked: 5000, maximum: 4000 },
    retryAfterMs: undefined,
  })
})

test('one task cannot have more cores than the host, overcommit or not', async () => {
  const world = new AdmissionWorld({ cpuOvercommit: 2 })
  world.ledger.setCapacity({ ...world.ledger.capacity, cpuMillis: 8000 })
  await assert.rejects(world.admit(cores(4100)), { details: { resource: 'cpuMillis', asked: 4100, maximum: 4000 } })
  await world.admit(cores(4000))
  await world.admit(cores(4000))
})

test('the first in the queue blocks those behind it, also when they would fit', async () => {
  const world = new AdmissionWorld()
  const holder = await world.admit(cores(3000))
  const big = world.admit(cores(2000))
  const small = world.admit(cores(500))
  assert.equal(await isSettled(small), false)
  holder.release()
  await Promise.all([big, small])
  assert.equal(world.ledger.reserved.cpuMillis, 2500)
})

test('a request that comes while others wait does not overtake them', async () => {
  const world = new AdmissionWorld()
  await world.admit(cores(3000))
  const big = world.admit(cores(2000))
  const late = world.admit(cores(100))
  assert.equal(await isSettled(late), false)
  assert.equal(await isSettled(big), false)
})

test('one more than the queue limit is refused with a time that follows the drain rate', async () => {
  const world = new AdmissionWorld({ queueLimit: 2 })
  const leases = await Promise.all([world.admit(cores(2000)), world.admit(cores(2000))])
  const waiting = [world.admit(cores(2000)), world.admit(cores(2000))]
  await world.clock.advance(3_000)
  leases[0]?.release()
  await waiting[0]
  waiting.push(world.admit(cores(2000)))
  await assert.rejects(world.admit(cores(100)), { code: 'queue_full', details: { waiting: 2 }, retryAfterMs: 6_000 })
  assert.equal(world.admission.waiting, 2)
})

test('a request that waited in vain is told what is missing and who holds it', async () => {
  const world = new AdmissionWorld()
  await world.admit(cores(3500), { name: 'greedy' })
  const late = world.admit(cores(1000), { timeoutMs: 5_000 })
  const refused = assert.rejects(late, (thrown: unknown) => {
    assert.ok(thrown instanceof ErrandError)
    assert.equal(thrown.code, 'resources_exhausted')
    assert.match(thrown.message, /1 core asked, 0.5 cores free; held by greedy-image \(3.5 cores\)/)
    assert.equal(thrown.details.resource, 'cpuMillis')
    assert.equal(thrown.details.asked, 1000)
    assert.equal(thrown.details.free, 500)
    assert.deepEqual(thrown.details.holders, [{ instanceId: 'greedy', image: 'greedy-image', ...cores(3500) }])
    assert.equal(thrown.retryAfterMs, 5_000)
    return true
  })
  await world.clock.advance(5_000)
  await refused
  assert.equal(world.clock.pendingTimers, 0)
})

test('a request that fits but waits behind another is told so', async () => {
  const world = new AdmissionWorld()
  await world.admit(cores(3000))
  const big = world.admit(cores(2000))
  const blocked = world.admit(cores(100), { timeoutMs: 5_000 })
  const refused = assert.rejects(blocked, {
    message: /1 ahead in the queue; 2 cores asked by the first of them, 1 core free/,
  })
  await world.clock.advance(5_000)
  await refused
  assert.equal(await isSettled(big), false)
})

test('the time-out of the first lets the next one go on', async () => {
  const world = new AdmissionWorld()
  await world.admit(cores(3000))
  const refused = assert.rejects(world.admit(cores(2000), { timeoutMs: 1_000 }), { code: 'resources_exhausted' })
  const next = world.admit(cores(1000))
  await world.clock.advance(1_000)
  await refused
  await next
})

test('an abort leaves the queue at once, reserves nothing and lets the next one go on', async () => {
  const world = new AdmissionWorld()
  await world.admit(cores(3000))
  const caller = new AbortController()
  const first = world.admit(cores(2000), { signal: caller.signal })
  const next = world.admit(cores(1000))
  caller.abort(callerLeft)
  await assert.rejects(first, callerLeft)
  await next
  assert.equal(world.ledger.reserved.cpuMillis, 4000)
  assert.equal(world.admission.waiting, 0)
})

test('an abort in the moment of the grant gives the lease to the next one', async () => {
  const world = new AdmissionWorld()
  const holder = await world.admit(cores(4000))
  const caller = new AbortController()
  const first = world.admit(cores(4000), { signal: caller.signal })
  const next = world.admit(cores(4000), { name: 'next' })
  holder.release()
  caller.abort(callerLeft)
  await assert.rejects(first, callerLeft)
  assert.equal((await next).holder.instanceId, 'next')
})

test('a caller that has left already reserves nothing', async () => {
  const world = new AdmissionWorld()
  await assert.rejects(world.admit(cores(100), { signal: AbortSignal.abort(callerLeft) }), callerLeft)
  assert.deepEqual(world.ledger.reserved, NO_RESOURCES)
})

test('closing refuses those who wait and those who come, with its reason', async () => {
  const world = new AdmissionWorld()
  const lease = await world.admit(cores(4000))
  const waiting = world.admit(cores(100))
  const reason = new ErrandError('draining', 'the node is going down')
  const refused = assert.rejects(waiting, reason)
  world.admission.close(reason)
  await refused
  await assert.rejects(world.admit(cores(100), { signal: never }), reason)
  lease.release()
  assert.deepEqual(world.ledger.reserved, NO_RESOURCES)
  assert.equal(world.clock.pendingTimers, 0)
})

test('raising the capacity lets those who wait go on', async () => {
  const world = new AdmissionWorld({ hostCheck: 'memory' })
  await world.admit(cores(4000))
  const waiting = world.admit(cores(1000))
  world.ledger.setCapacity({ ...world.ledger.capacity, cpuMillis: 5000 })
  await waiting
})

test('a warm start that waits is refused when the capacity is lowered below what it asks', async () => {
  const world = new AdmissionWorld()
  await world.admit(cores(2000))
  const waiting = world.admit(cores(3000))
  const next = world.admit(cores(500))
  const refused = assert.rejects(waiting, { code: 'resources_unsatisfiable' })
  world.ledger.setCapacity({ ...world.ledger.capacity, cpuMillis: 2500 })
  await refused
  await next
})

test('F14: an execution waits while less than it asks is granted, keeps nobody waiting, and goes on when enough is', async () => {
  const world = new AdmissionWorld()
  const { capacity } = world.ledger
  const holder = await world.admit(cores(2000))
  const big = world.admit(cores(3000), { name: 'big', priority: 0 })
  world.ledger.setCapacity({ ...capacity, cpuMillis: 2500 })
  const late = world.admit(cores(2600), { name: 'late', priority: 0 })
  const small = await world.admit(cores(500), { name: 'small', priority: 0 })
  assert.deepEqual(world.admission.standing('big'), { position: 1, missing: ['cpuMillis'] })
  small.release()
  holder.release()
  assert.equal(await isSettled(Promise.race([big, late])), false)
  world.ledger.setCapacity(capacity)
  const lease = await big
  lease.release()
  await late
})

test('the host is looked at for the first that can be served, also behind one that asks for more than is granted', async () => {
  const world = new AdmissionWorld()
  await world.admit(cores(100))
  world.ledger.setCapacity({ ...world.ledger.capacity, cpuMillis: 2000 })
  const refused = assert.rejects(world.admit(cores(3000), { priority: 0 }), { code: 'resources_exhausted' })
  world.host.free.memoryBytes = 5
  const next = world.admit(cores(100, 10), { priority: 0 })
  world.host.free.memoryBytes = 10_000
  await world.clock.advance(1000)
  assert.equal(await isSettled(next), true)
  await world.clock.advance(30_000)
  await refused
})
