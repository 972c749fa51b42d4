import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { addResources, NO_RESOURCES, RESOURCE_KINDS, type Resources } from '../core/resources.ts'
import { type Lease, Ledger } from './ledger.ts'

const holder = { instanceId: 'i-1', image: 'hello' }
const CAPACITY: Resources = { cpuMillis: 4000, memoryBytes: 4096, gpus: 2 }

function cpu(cpuMillis: number): Resources {
  return { cpuMillis, memoryBytes: 1, gpus: 0 }
}

function reserve(ledger: Ledger, asked: Resources): Lease {
  const lease = ledger.tryReserve(asked, holder)
  assert.ok(lease)
  return lease
}

test('a reservation takes exactly what was asked and a release gives exactly that back, once', () => {
  const ledger = new Ledger(CAPACITY)
  const lease = reserve(ledger, { cpuMillis: 300, memoryBytes: 100, gpus: 1 })
  assert.deepEqual(ledger.free, { cpuMillis: 3700, memoryBytes: 3996, gpus: 1 })
  assert.deepEqual([...ledger.leases()], [lease])
  lease.release()
  lease.release()
  assert.deepEqual(ledger.free, CAPACITY)
  assert.deepEqual([...ledger.leases()], [])
})

test('a reservation that lacks one kind takes nothing of the others', () => {
  const ledger = new Ledger(CAPACITY)
  assert.equal(ledger.tryReserve({ cpuMillis: 100, memoryBytes: 5000, gpus: 0 }, holder), undefined)
  assert.deepEqual(ledger.reserved, NO_RESOURCES)
})

test('lowering the capacity below use leaves leases alone and reserves nothing until enough is back', () => {
  const ledger = new Ledger(CAPACITY)
  const first = reserve(ledger, cpu(2000))
  const second = reserve(ledger, cpu(1000))
  ledger.setCapacity({ ...CAPACITY, cpuMillis: 1000 })
  assert.equal(ledger.free.cpuMillis, -2000)
  assert.equal([...ledger.leases()].length, 2)
  first.release()
  assert.equal(ledger.tryReserve(cpu(100), holder), undefined)
  second.release()
  reserve(ledger, cpu(1000))
})

test('a task without GPUs does not wait when more GPUs are in use than the capacity has', () => {
  const ledger = new Ledger(CAPACITY)
  reserve(ledger, { cpuMillis: 100, memoryBytes: 1, gpus: 2 })
  ledger.setCapacity({ ...CAPACITY, gpus: 0 })
  reserve(ledger, cpu(100))
})

test('resources being given back count as reserved and as returning until the release', () => {
  const ledger = new Ledger(CAPACITY)
  const lease = reserve(ledger, cpu(500))
  lease.markReturning()
  lease.markReturning()
  assert.equal(ledger.returning.cpuMillis, 500)
  assert.equal(ledger.reserved.cpuMillis, 500)
  lease.release()
  lease.markReturning()
  assert.deepEqual(ledger.returning, NO_RESOURCES)
})

test('each watcher hears of every release and capacity change until it is disposed', () => {
  const ledger = new Ledger(CAPACITY)
  const heard: string[] = []
  const first = ledger.onRelease(() => heard.push(`first ${ledger.free.cpuMillis}`))
  ledger.onRelease(() => heard.push('second'))
  const lease = reserve(ledger, cpu(500))
  lease.release()
  lease.release()
  assert.deepEqual(heard, ['first 4000', 'second'])
  first[Symbol.dispose]()
  ledger.setCapacity(CAPACITY)
  assert.deepEqual(heard.slice(2), ['second'])
})

test('any sequence of reserve, mark and release stays within capacity and ends with all of it free', () => {
  const asked = fc.record({ cpuMillis: fc.nat(2500), memoryBytes: fc.nat(2500), gpus: fc.nat(2) })
  const step = fc.oneof(
    fc.record({ kind: fc.constant('reserve' as const), asked }),
    fc.record({ kind: fc.constantFrom('mark' as const, 'release' as const), index: fc.nat(50) }),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const ledger = new Ledger(CAPACITY)
      const leases: Lease[] = []
      for (const each of steps) {
        if (each.kind === 'reserve') {
          const lease = ledger.tryReserve(each.asked, holder)
          if (lease !== undefined) leases.push(lease)
        } else {
          const lease = leases[each.index % Math.max(1, leases.length)]
          if (each.kind === 'mark') lease?.markReturning()
          else lease?.release()
        }
        assertConsistent(ledger)
      }
      for (const lease of leases) lease.release()
      assert.deepEqual(ledger.free, CAPACITY)
      assert.deepEqual(ledger.returning, NO_RESOURCES)
    }),
  )
})

function assertConsistent(ledger: Ledger): void {
  const sum = [...ledger.leases()].reduce((total, lease) => addResources(total, lease.resources), NO_RESOURCES)
  assert.deepEqual(ledger.reserved, sum)
  for (const kind of RESOURCE_KINDS) {
    assert.ok(ledger.free[kind] >= 0)
    assert.ok(ledger.returning[kind] >= 0 && ledger.returning[kind] <= ledger.reserved[kind])
  }
}
