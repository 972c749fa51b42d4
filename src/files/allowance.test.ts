import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Allowance } from './allowance.ts'

test('what is taken is gone until it is given back', () => {
  const allowance = new Allowance({ bytes: 10, files: 2 })
  assert.ok(allowance.take(10, 1))
  assert.ok(!allowance.take(1, 0))
  assert.ok(!allowance.take(0, 2))
  allowance.giveBack(1, 0)
  assert.ok(allowance.take(1, 1))
  assert.deepEqual(allowance.taken, { bytes: 10, files: 2 })
})

test('what several share runs short for all of them, and says that it was that', () => {
  const shared = new Allowance({ bytes: 10, files: Infinity })
  const [one, other] = [8, 8].map((bytes) => new Allowance({ bytes, files: 9 }, shared))
  assert.ok(one?.take(8, 1))
  assert.ok(!one?.take(1, 1))
  assert.equal(one?.wasSharedShort, false)
  assert.ok(!other?.take(3, 1))
  assert.equal(other?.wasSharedShort, true)
  assert.deepEqual(other?.taken, { bytes: 0, files: 0 })
  one?.giveBack(8, 1)
  assert.ok(other?.take(8, 1))
})

test('what exists already counts, whatever is left', () => {
  const shared = new Allowance({ bytes: 10, files: 10 })
  const found = new Allowance({ bytes: 5, files: 5 }, shared)
  found.occupy(20, 20)
  assert.ok(!new Allowance({ bytes: 5, files: 5 }, shared).take(1, 1))
  found.giveBack(20, 20)
  assert.deepEqual(shared.taken, { bytes: 0, files: 0 })
})
