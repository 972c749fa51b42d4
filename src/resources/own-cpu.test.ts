import assert from 'node:assert/strict'
import { test } from 'node:test'
import { OwnCpu } from './own-cpu.ts'

test('the total counts what each instance uses while it is tracked, and keeps it afterwards', () => {
  const own = new OwnCpu()
  const used = { a: 100, b: 1000 }
  own.track('a', () => used.a)
  assert.equal(own.readMs(), 0)
  used.a += 50
  own.track('b', () => used.b)
  used.b += 5
  assert.equal(own.readMs(), 55)
  used.a += 10
  own.untrack('a')
  used.a += 1000
  assert.equal(own.readMs(), 65)
})

test('an instance without a counter, or whose counter is gone, adds nothing more', () => {
  const own = new OwnCpu()
  let used: number | undefined = 10
  own.track('blind', undefined)
  own.track('a', () => used)
  used = 30
  assert.equal(own.readMs(), 20)
  used = undefined
  assert.equal(own.readMs(), 20)
  own.untrack('a')
  own.untrack('a')
  own.untrack('blind')
  assert.equal(own.readMs(), 20)
  assert.ok(own.isEmpty)
})
