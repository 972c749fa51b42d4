import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Slots } from './slots.ts'

/** As many as it gets. */
function takeAll(slots: Slots, callerId: string): Disposable[] {
  const taken: Disposable[] = []
  try {
    for (;;) taken.push(slots.take(callerId))
  } catch {
    return taken
  }
}

test('a caller beyond its share is refused with a time to wait, and let in when one of its own has ended', () => {
  const slots = new Slots(4, 'streams')
  using _first = slots.take('ann')
  {
    using _second = slots.take('ann')
    const details = { limit: 4, open: 2, ofCaller: 2 }
    assert.throws(() => slots.take('ann'), { code: 'queue_full', retryAfterMs: 5000, details })
  }
  using _third = slots.take('ann')
  assert.deepEqual(slots.reading, { open: 2, refused: 1 })
})

test('however many take all they can, the next one finds room', () => {
  const slots = new Slots(512, 'streams')
  const taken = ['ann', 'bob', 'cid', 'dan', 'eve'].map((callerId) => takeAll(slots, callerId))
  assert.deepEqual(
    taken.map(({ length }) => length),
    [256, 128, 64, 32, 16],
  )
  using _another = slots.take('fay')
  for (const each of taken.flat()) each[Symbol.dispose]()
  assert.equal(slots.reading.open, 1)
})
