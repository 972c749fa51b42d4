import assert from 'node:assert/strict'
import { test } from 'node:test'
import { StreamSlots } from './stream-slots.ts'

test('a stream beyond the bound is refused with a time to wait, and let in when another has ended', () => {
  const slots = new StreamSlots(2)
  using _first = slots.take()
  {
    using _second = slots.take()
    assert.throws(() => slots.take(), { code: 'queue_full', retryAfterMs: 5000 })
  }
  using _third = slots.take()
})
