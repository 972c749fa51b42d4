import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ByteBudget } from './byte-budget.ts'

test('a budget gives what it has, refuses what it has not, and takes back', () => {
  const budget = new ByteBudget(10)
  assert.deepEqual([budget.tryTake(7), budget.tryTake(4), budget.tryTake(3)], [true, false, true])
  assert.equal(budget.usedBytes, 10)
  budget.giveBack(7)
  assert.deepEqual([budget.tryTake(8), budget.tryTake(7)], [false, true])
})
