import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Tally } from './tally.ts'

test('each is counted by itself and with all others, and never below none', () => {
  const tally = new Tally()
  for (const key of ['a', 'a', 'b']) tally.add(key)
  assert.deepEqual([tally.of('a'), tally.of('b'), tally.of('c'), tally.total], [2, 1, 0, 3])
  for (const key of ['a', 'b', 'b', 'c']) tally.remove(key)
  assert.deepEqual([tally.of('a'), tally.of('b'), tally.of('c'), tally.total], [1, 0, 0, 1])
})
