import assert from 'node:assert/strict'
import { test } from 'node:test'
import { settle } from '../core/manual-clock.ts'
import { Gate } from './gate.ts'

/** Whether a promise has settled by now. */
async function hasSettled(promise: Promise<void>): Promise<boolean> {
  let isSettled = false
  void promise.then(() => {
    isSettled = true
  })
  await settle()
  return isSettled
}

test('a paused gate refuses with paused, and lets in again once opened', () => {
  const gate = new Gate()
  gate.shut('paused')
  assert.throws(() => gate.enter(), { code: 'paused' })
  gate.open()
  gate.enter()
})

test('a draining gate refuses for good: neither a pause nor an opening changes it', () => {
  const gate = new Gate()
  gate.shut('draining')
  gate.shut('paused')
  gate.open()
  assert.throws(() => gate.enter(), { code: 'draining' })
})

test('empty resolves at once when nobody is inside', async () => {
  assert.equal(await hasSettled(new Gate().empty()), true)
})

test('empty waits for the last one inside, also when somebody enters while it waits', async () => {
  const gate = new Gate()
  gate.enter()
  const empty = gate.empty()
  gate.leave()
  gate.enter()
  assert.equal(await hasSettled(empty), false)
  gate.leave()
  assert.equal(await hasSettled(empty), true)
})

test('everybody who waits for an empty gate is told', async () => {
  const gate = new Gate()
  gate.enter()
  const both = [gate.empty(), gate.empty()]
  gate.leave()
  for (const empty of both) assert.equal(await hasSettled(empty), true)
})

test('whoever listens is told of each end of a pause, until it listens no more', () => {
  const gate = new Gate()
  let told = 0
  const listening = gate.onOpen(() => {
    told += 1
  })
  const pauseAndOpen = (): void => {
    gate.shut('paused')
    assert.equal(gate.state, 'paused')
    gate.open()
  }
  gate.open()
  pauseAndOpen()
  pauseAndOpen()
  listening[Symbol.dispose]()
  pauseAndOpen()
  assert.deepEqual([told, gate.state], [2, 'serving'])
})
