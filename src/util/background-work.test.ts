import assert from 'node:assert/strict'
import { test } from 'node:test'
import { settle } from '../core/manual-clock.ts'
import { BackgroundWork } from './background-work.ts'

test('idle resolves when all work has ended, what was added meanwhile included', async () => {
  const background = new BackgroundWork()
  const [first, second] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  background.add(first.promise.then(() => background.add(second.promise)))
  let isIdle = false
  const idle = background.idle().then(() => {
    isIdle = true
  })
  first.resolve()
  await settle()
  assert.equal(isIdle, false)
  second.resolve()
  await idle
})

test('idle resolves at once where nothing runs', async () => {
  await new BackgroundWork().idle()
})
