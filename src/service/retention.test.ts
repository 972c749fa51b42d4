import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '../core/manual-clock.ts'
import { Retention } from './retention.ts'

function make(): { readonly clock: ManualClock; readonly due: string[]; readonly retention: Retention } {
  const clock = new ManualClock()
  const due: string[] = []
  return { clock, due, retention: new Retention(clock, (id) => due.push(id)) }
}

test('each is due in its own time, whatever the order they came in', async () => {
  const { clock, due, retention } = make()
  retention.keep('late', 30)
  retention.keep('early', 10)
  retention.keep('middle', 20)
  for (const expected of [['early'], ['early', 'middle'], ['early', 'middle', 'late']]) {
    await clock.advance(10)
    assert.deepEqual(due, expected)
  }
  assert.equal(clock.pendingTimers, 0)
})

test('one timer serves any number of them', async () => {
  const { clock, due, retention } = make()
  for (let index = 0; index < 1000; index += 1) retention.keep(`${index}`, 1000 - index)
  assert.equal(clock.pendingTimers, 1)
  await clock.advance(1000)
  assert.equal(due.length, 1000)
})

test('what is dropped or kept anew is not due at its old time', async () => {
  const { clock, due, retention } = make()
  retention.keep('dropped', 10)
  retention.keep('again', 10)
  retention.drop('dropped')
  retention.keep('again', 20)
  await clock.advance(19)
  assert.deepEqual(due, [])
  await clock.advance(1)
  assert.deepEqual(due, ['again'])
})

test('nothing is due after disposal', async () => {
  const { clock, due, retention } = make()
  retention.keep('one', 10)
  retention[Symbol.dispose]()
  await clock.advance(100)
  assert.deepEqual([due, clock.pendingTimers], [[], 0])
})
