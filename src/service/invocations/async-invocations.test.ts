import assert from 'node:assert/strict'
import { mkdir, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { ErrandError } from '../../core/errors.ts'
import { answerOk, ask, type Behave, World } from './async-invocations.fixture.ts'
import { assertMove, INVOCATION_STATUSES } from './invocation-record.ts'

const { signal } = new AbortController()

describe('an invocation', () => {
  test('that no task has got is tried again while there is time', async () => {
    await using world = await World.make()
    let tries = 0
    world.behave = async () => {
      tries += 1
      throw new ErrandError('resources_exhausted', 'no room', { retryAfterMs: 4000 })
    }
    const invocations = await world.open()
    const { id } = await ask(invocations, '/')
    for (const count of [1, 2]) {
      while (tries < count || world.clock.pendingTimers === 0) await new Promise(setImmediate)
      await world.clock.advance(4000)
    }
    await invocations.untilEnded(id, 1000, signal)
    assert.deepEqual([tries, (await invocations.get(id)).failure?.code], [3, 'resources_exhausted'])
    await invocations.detach()
  })

  test('that a task may have got is sent once, whatever becomes of it', async () => {
    await using world = await World.make()
    world.behave = async (sink) => {
      sink.from('i1')
      throw new ErrandError('resources_exhausted', 'no descriptor', { retryAfterMs: 1 })
    }
    const invocations = await world.open()
    const { id } = await ask(invocations, '/')
    await invocations.untilEnded(id, 1000, signal)
    assert.deepEqual([world.sent.length, (await invocations.get(id)).status], [1, 'failed'])
    await invocations.detach()
  })

  test('F18: whose end a full disk does not take ends as it did as soon as there is room', async () => {
    await using world = await World.make()
    const draftOf = (id: string): string => join(world.folder, 'invocations', id, 'record.json.draft')
    world.behave = async (sink) => {
      sink.from('i1')
      await mkdir(draftOf('id-1'))
      throw new ErrandError('task_exited', 'it has ended')
    }
    const invocations = await world.open()
    const { id } = await ask(invocations, '/')
    while (world.clock.pendingTimers === 0) await new Promise(setImmediate)
    assert.deepEqual([(await invocations.get(id)).status, invocations.underWay], ['running', 0])
    await rm(draftOf(id), { recursive: true })
    await world.clock.advance(1000)
    assert.ok(await invocations.untilEnded(id, 1000, signal))
    assert.deepEqual([world.sent.length, (await invocations.get(id)).failure?.code], [1, 'task_exited'])
    assert.equal(invocations.waiting, 0)
    await invocations.detach()
  })

  test('is refused before anything is kept when the disk is short', async () => {
    await using world = await World.make()
    const invocations = await world.open()
    world.room = new ErrandError('storage_full', 'full')
    await assert.rejects(ask(invocations, '/'), world.room)
    assert.deepEqual(await readdir(join(world.folder, 'invocations')), [])
    await invocations.detach()
  })

  test('has a record without what it sends', async () => {
    await using world = await World.make()
    const invocations = await world.open()
    const { id } = await ask(invocations, '/x?token=s3cret')
    await invocations.untilEnded(id, 1000, signal)
    const text = await readFile(join(world.folder, 'invocations', id, 'record.json'), 'utf8')
    assert.ok(!text.includes('s3cret') && !text.includes('x-secret'))
    await invocations.detach()
  })

  test('ends once', () => {
    for (const from of ['answered', 'failed', 'lost'] as const) {
      for (const to of INVOCATION_STATUSES) assert.throws(() => assertMove(from, to), /cannot go/)
    }
    assert.throws(() => assertMove('queued', 'answered'), /cannot go/)
  })
})

describe('what waits for another try', () => {
  const refuse: Behave = async () => {
    throw new ErrandError('resources_exhausted', 'no room', { retryAfterMs: 1000 })
  }

  test('counts: a task that refuses at once does not empty the queue', async () => {
    await using world = await World.make()
    world.behave = refuse
    const invocations = await world.open(world.folder, { queueLimit: 3, callerQueueLimit: 2 })
    const isFull = (error: unknown): boolean => ErrandError.from(error).code === 'queue_full'
    const untilWaiting = async (count: number): Promise<void> => {
      await world.untilSent(count)
      while ((await invocations.page(undefined, 9)).records.some(({ status }) => status === 'running')) {
        await new Promise(setImmediate)
      }
    }
    await ask(invocations, '/1')
    await untilWaiting(1)
    await ask(invocations, '/2')
    await untilWaiting(2)
    await assert.rejects(ask(invocations, '/3'), isFull)
    await ask(invocations, '/3', { caller: { id: 'eve' } })
    await untilWaiting(3)
    await assert.rejects(ask(invocations, '/4', { caller: { id: 'mia' } }), isFull)
    assert.equal(world.clock.pendingTimers, 1)
    await invocations.detach()
  })

  test('has the place that it had', async () => {
    await using world = await World.make()
    world.behave = refuse
    const invocations = await world.open()
    const { id: first } = await ask(invocations, '/1')
    await world.untilSent(1)
    while (world.clock.pendingTimers === 0) await new Promise(setImmediate)
    const held = Promise.withResolvers<void>()
    world.behave = async (sink, cancellation) => {
      await held.promise
      await answerOk(sink, cancellation)
    }
    await ask(invocations, '/2')
    await world.untilSent(2)
    const { id: last } = await ask(invocations, '/3')
    await world.clock.advance(1000)
    held.resolve()
    for (const id of [first, last]) assert.ok(await invocations.untilEnded(id, 1000, signal))
    assert.deepEqual(world.sent, ['/1', '/2', '/1', '/3'])
    await invocations.detach()
  })
})
