import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { ByteBudget } from './byte-budget.ts'

test('a budget gives what it has, refuses what it has not, and takes back', () => {
  const budget = new ByteBudget(10)
  assert.deepEqual([budget.tryTake(7), budget.tryTake(4), budget.tryTake(3)], [true, false, true])
  assert.equal(budget.usedBytes, 10)
  budget.giveBack(7)
  assert.deepEqual([budget.tryTake(8), budget.tryTake(7)], [false, true])
})

test('those who wait are served in order, and nobody overtakes them', async () => {
  const budget = new ByteBudget(10)
  const granted: string[] = []
  budget.take(9)
  budget.wait(8, () => granted.push('large'))
  budget.wait(1, () => granted.push('small'))
  assert.equal(budget.tryTake(1), false)
  budget.giveBack(5)
  await nextTurn()
  assert.deepEqual(granted, [])
  budget.giveBack(3)
  assert.deepEqual(granted, [], 'not before the next turn')
  await nextTurn()
  assert.deepEqual([granted, budget.usedBytes, budget.isShort], [['large', 'small'], 10, false])
})

test('who leaves the line gets nothing, and the next one moves up', async () => {
  const budget = new ByteBudget(10)
  const granted: string[] = []
  budget.take(10)
  const leaving = budget.wait(10, () => granted.push('left'))
  budget.wait(5, () => granted.push('stayed'))
  leaving[Symbol.dispose]()
  budget.giveBack(10)
  await nextTurn()
  assert.deepEqual([granted, budget.usedBytes], [['stayed'], 5])
})

test('what was taken without asking counts, and what was handed over is taken up before others get it', async () => {
  const budget = new ByteBudget(10)
  let isGranted = false
  budget.take(10)
  budget.wait(5, () => {
    isGranted = true
  })
  budget.giveBack(10)
  budget.take(8)
  await nextTurn()
  assert.equal(isGranted, false)
  budget.giveBack(8)
  await nextTurn()
  assert.equal(isGranted, true)
})

test('more than there is at all is given when nothing else is', async () => {
  const budget = new ByteBudget(10)
  const granted: string[] = []
  budget.take(1)
  budget.wait(50, () => granted.push('huge'))
  budget.giveBack(1)
  await nextTurn()
  assert.deepEqual([granted, budget.usedBytes], [['huge'], 50])
})
