import assert from 'node:assert/strict'
import { test } from 'node:test'
import { abortable } from './abort.ts'

test('a promise that settles first settles the wait', async () => {
  const { signal } = new AbortController()
  assert.equal(await abortable(Promise.resolve('done'), signal), 'done')
  await assert.rejects(abortable(Promise.reject(new Error('failed')), signal), /failed/)
})

test('an abort rejects with its reason, and the work goes on alone', async () => {
  const controller = new AbortController()
  const work = Promise.withResolvers<string>()
  const waiting = abortable(work.promise, controller.signal)
  const reason = new Error('left')
  controller.abort(reason)
  await assert.rejects(waiting, reason)
  work.resolve('finished')
  assert.equal(await work.promise, 'finished')
})

test('an abort that came before rejects at once, and a later failure of the work is nobody else’s', async () => {
  const reason = new Error('left before')
  const work = Promise.withResolvers<string>()
  await assert.rejects(abortable(work.promise, AbortSignal.abort(reason)), reason)
  work.reject(new Error('an unhandled rejection would fail this test'))
  await new Promise((resolve) => setImmediate(resolve))
})
