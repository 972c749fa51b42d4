import assert from 'node:assert/strict'
import { test } from 'node:test'
import { settle } from '../core/manual-clock.ts'
import { MOST_BACK_FILL_MS } from './admission.ts'
import { AdmissionWorld, cores } from './admission-world.fixture.ts'

const PATIENCE = { timeoutMs: 10 * MOST_BACK_FILL_MS }

test('when room comes, warm starts are served before executions, and those by priority', async () => {
  const world = new AdmissionWorld()
  const all = await world.admit(cores(4000))
  const waiting = [
    world.admit(cores(1000), { name: 'late', priority: 0 }),
    world.admit(cores(1000), { name: 'urgent', priority: 50 }),
    world.admit(cores(1000), { name: 'warm' }),
    world.admit(cores(1000), { name: 'idle', priority: -50 }),
  ]
  assert.deepEqual(world.admission.standing('late'), { position: 3, missing: ['cpuMillis'] })
  all.release()
  await Promise.all(waiting)
  assert.deepEqual(world.ledger.reservedFor.slice(1), ['warm', 'urgent', 'late', 'idle'])
  assert.equal(world.admission.standing('late'), undefined)
})

test('what is small and sure to be gone in time passes a big one that waits; what may stay longer does not', async () => {
  const world = new AdmissionWorld()
  const half = await world.admit(cores(2000))
  const big = world.admit(cores(4000), { name: 'big', priority: 0, ...PATIENCE })
  const endless = world.admit(cores(1000), { name: 'endless', priority: 0, ...PATIENCE })
  const long = world.admit(cores(1000), {
    name: 'long',
    priority: 0,
    holdsAtMostMs: MOST_BACK_FILL_MS + 1,
    ...PATIENCE,
  })
  const short = await world.admit(cores(1000), { name: 'short', priority: 0, holdsAtMostMs: 1000, ...PATIENCE })
  assert.deepEqual(world.ledger.reservedFor, ['task', 'short'])
  half.release()
  short.release()
  const lease = await big
  assert.equal(world.ledger.reservedFor[2], 'big')
  lease.release()
  await Promise.all([endless, long])
})

test('a big one is delayed by those that pass it no longer than the bound, however many come', async () => {
  const world = new AdmissionWorld()
  const half = await world.admit(cores(2000))
  const big = world.admit(cores(4000), { name: 'big', priority: 0, ...PATIENCE })
  const holdsAtMostMs = 10_000
  const rounds = MOST_BACK_FILL_MS / holdsAtMostMs
  for (let round = 0; round < rounds; round += 1) {
    const passing = await world.admit(cores(1000), {
      name: `passing-${round}`,
      priority: 0,
      holdsAtMostMs,
      ...PATIENCE,
    })
    await world.clock.advance(holdsAtMostMs)
    passing.release()
  }
  const tooLate = world.admit(cores(1000), { name: 'too late', priority: 0, holdsAtMostMs, ...PATIENCE })
  await settle()
  assert.ok(!world.ledger.reservedFor.includes('too late'))
  half.release()
  const lease = await big
  lease.release()
  await tooLate
  assert.deepEqual(world.ledger.reservedFor.slice(-2), ['big', 'too late'])
})

test('executions are counted apart from warm starts, and by caller', async () => {
  const world = new AdmissionWorld({ queueLimit: 1 })
  const all = await world.admit(cores(4000))
  const executions = ['a', 'a', 'b'].map((callerId) => world.admit(cores(100), { priority: 0, callerId }))
  const warm = world.admit(cores(100))
  assert.equal(world.admission.waitingExecutions(), 3)
  assert.equal(world.admission.waitingExecutions('a'), 2)
  await assert.rejects(world.admit(cores(100)), { code: 'queue_full' })
  all.release()
  await Promise.all([...executions, warm])
  assert.equal(world.admission.waitingExecutions('a'), 0)
})
