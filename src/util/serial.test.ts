import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Serial } from './serial.ts'

test('work is done one after the other, in order, whatever fails', async () => {
  const serial = new Serial()
  const seen: string[] = []
  const gate = Promise.withResolvers<void>()
  const first = serial.run(async () => {
    await gate.promise
    seen.push('first')
    throw new Error('no')
  })
  const second = serial.run(async () => {
    seen.push('second')
    return 2
  })
  assert.deepEqual(seen, [])
  gate.resolve()
  await assert.rejects(first, /no/)
  assert.equal(await second, 2)
  assert.deepEqual(seen, ['first', 'second'])
})
