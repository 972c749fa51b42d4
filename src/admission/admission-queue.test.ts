import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { AdmissionQueue, type Ranked } from './admission-queue.ts'

interface Named extends Ranked {
  readonly name: string
}

function names(queue: AdmissionQueue<Named>): string[] {
  return Array.from(queue, ({ name }) => name)
}

test('warm starts come first, then executions by priority, equals in the order of their coming', () => {
  const queue = new AdmissionQueue<Named>()
  queue.add({ name: 'low', priority: -5 })
  queue.add({ name: 'first of 0', priority: 0 })
  queue.add({ name: 'warm' })
  queue.add({ name: 'high', priority: 9 })
  queue.add({ name: 'second of 0', priority: 0 })
  queue.add({ name: 'warm too' })
  assert.deepEqual(names(queue), ['warm', 'warm too', 'high', 'first of 0', 'second of 0', 'low'])
  assert.equal(queue.warm, 2)
  assert.equal(queue.executions, 4)
})

test('what it counts is what is in it, whoever comes and leaves', () => {
  const callers = ['a', 'b', 'c']
  const comings = fc.array(fc.record({ priority: fc.option(fc.integer({ min: -9, max: 9 })), caller: fc.nat(2) }))
  fc.assert(
    fc.property(comings, fc.array(fc.nat(50)), (coming, leaving) => {
      const queue = new AdmissionQueue<Named>()
      const items = coming.map(({ priority, caller }, index): Named => {
        const callerId = callers[caller] ?? 'a'
        return { name: String(index), callerId, ...(priority !== null && { priority }) }
      })
      for (const item of items) queue.add(item)
      const left = new Set(leaving.map((index) => items[index]).filter((item) => item !== undefined))
      for (const item of left) assert.ok(queue.delete(item))
      const rest = items.filter((item) => !left.has(item))
      assert.deepEqual(new Set(queue), new Set(rest))
      assert.equal(queue.executions, rest.filter(({ priority }) => priority !== undefined).length)
      for (const callerId of callers) {
        const own = rest.filter((item) => item.priority !== undefined && item.callerId === callerId)
        assert.equal(queue.ofCaller(callerId), own.length)
      }
      const ranks = Array.from(queue, ({ priority }) => priority ?? Infinity)
      assert.deepEqual(
        ranks,
        ranks.toSorted((a, b) => b - a),
      )
    }),
  )
})
