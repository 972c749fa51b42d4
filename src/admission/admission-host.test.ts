import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AdmissionWorld, callerLeft, cores } from './admission-world.fixture.ts'

test('memory that the host does not have keeps even the first task waiting, until the host has it', async () => {
  const world = new AdmissionWorld()
  world.host.free = { cpuMillis: 4000, memoryBytes: 50 }
  const waiting = world.admit(cores(100, 100))
  await world.clock.advance(3_500)
  assert.equal(world.admission.waiting, 1)
  world.host.free = { cpuMillis: 4000, memoryBytes: 100 }
  await world.clock.advance(1_000)
  await waiting
  assert.equal(world.clock.pendingTimers, 0)
})

test('a host busy with other work takes the first task, since waiting for it might never end', async () => {
  const world = new AdmissionWorld()
  world.host.free = { cpuMillis: 0, memoryBytes: 10_000 }
  await world.admit(cores(4000))
})

test('beside a task of ours, leases have to fit into the CPU that others leave', async () => {
  const world = new AdmissionWorld()
  world.host.free = { cpuMillis: 2000, memoryBytes: 10_000 }
  const first = await world.admit(cores(1500))
  const second = world.admit(cores(600))
  assert.equal(world.admission.waiting, 1)
  first.release()
  await second
})

test('overcommit multiplies the CPU that others leave', async () => {
  const world = new AdmissionWorld({ cpuOvercommit: 1.5 })
  world.host.free = { cpuMillis: 2000, memoryBytes: 10_000 }
  await world.admit(cores(1500))
  await world.admit(cores(1500))
  const third = world.admit(cores(100), { timeoutMs: 1_000 })
  const refused = assert.rejects(third, { code: 'resources_exhausted', message: /0.1 cores asked, 0 cores free/ })
  await world.clock.advance(1_000)
  await refused
})

test('an unknown CPU use of others objects to nothing', async () => {
  const world = new AdmissionWorld()
  world.host.free = { cpuMillis: undefined, memoryBytes: 10_000 }
  await world.admit(cores(2000))
  await world.admit(cores(2000))
})

test('mode memory looks at no CPU, mode none at nothing', async () => {
  const memory = new AdmissionWorld({ hostCheck: 'memory' })
  memory.host.free = { cpuMillis: 0, memoryBytes: 50 }
  await memory.admit(cores(100, 50))
  await memory.admit(cores(100, 50))
  const waiting = assert.rejects(memory.admit(cores(100, 51), { timeoutMs: 10 }), { code: 'resources_exhausted' })
  await memory.clock.advance(10)
  await waiting
  const none = new AdmissionWorld({ hostCheck: 'none' })
  none.host.free = { cpuMillis: 0, memoryBytes: 0 }
  await none.admit(cores(100, 1000))
  await none.admit(cores(100, 1000))
})

test('a short host has idle instances evicted, down to the last when nobody else leaves CPU', async () => {
  const world = new AdmissionWorld()
  world.host.free = { cpuMillis: 0, memoryBytes: 10_000 }
  const first = await world.admit(cores(500))
  const second = world.admit(cores(2000))
  world.becomeIdle(first)
  assert.deepEqual(world.evicted, [first])
  assert.deepEqual(world.short, [['cpu of the host']], 'there was enough in the grant')
  first.release()
  await second
})

test('the host is asked again each second, and only while somebody waits for it', async () => {
  const world = new AdmissionWorld()
  world.host.free = { cpuMillis: 8000, memoryBytes: 10_000 }
  const lease = await world.admit(cores(4000))
  const caller = new AbortController()
  const waiting = assert.rejects(world.admit(cores(100), { signal: caller.signal }), callerLeft)
  assert.equal(world.clock.pendingTimers, 1, 'its deadline alone')
  world.host.free = { cpuMillis: 8000, memoryBytes: 0 }
  lease.release()
  assert.equal(world.clock.pendingTimers, 2, 'and the next look at the host')
  caller.abort(callerLeft)
  await waiting
  assert.equal(world.clock.pendingTimers, 0)
})

test('idle instances that could not help a short host are evicted once the host has room again', async () => {
  const world = new AdmissionWorld()
  const idle = await world.admit(cores(4000, 100))
  world.host.free = { cpuMillis: 4000, memoryBytes: 0 }
  world.becomeIdle(idle)
  const waiting = world.admit(cores(100, 200))
  assert.deepEqual(world.evicted, [])
  world.host.free = { cpuMillis: 4000, memoryBytes: 10_000 }
  await world.clock.advance(1_000)
  assert.deepEqual(world.evicted, [idle])
  idle.release()
  await waiting
})
