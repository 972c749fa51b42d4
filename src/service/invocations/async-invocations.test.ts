import assert from 'node:assert/strict'
import { mkdir, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { ErrandError } from '../../core/errors.ts'
import { answerOk, ask, type Behave, LIMITS, sayNothing, World } from './async-invocations.fixture.ts'
import { assertMove, INVOCATION_STATUSES } from './invocation-record.ts'

const { signal } = new AbortController()

describe('invocations that a killed daemon left', () => {
  test('are run when they were not begun, lost when they were, and run again where they may be', async () => {
    await using world = await World.make()
    world.behave = sayNothing
    const before = await world.open()
    const begun = await ask(before, '/begun')
    await world.untilSent(1)
    const waiting = await ask(before, '/waiting')
    const left = await world.killed()
    await before.remove(begun.id)
    await world.untilSent(2)
    await before.detach()
    world.behave = answerOk
    const after = await world.open(left)
    assert.equal((await after.get(begun.id)).status, 'lost')
    assert.ok(await after.untilEnded(begun.id, 1000, signal))
    assert.ok(await after.untilEnded(waiting.id, 1000, signal))
    assert.equal((await after.get(waiting.id)).status, 'answered')
    assert.deepEqual(world.sent, ['/begun', '/waiting', '/waiting'], 'the last one by the next daemon')
    await after.detach()
    await rm(left, { recursive: true })
  })

  test('that may be sent more than once are sent again', async () => {
    await using world = await World.make()
    world.behave = sayNothing
    const before = await world.open()
    const { id } = await ask(before, '/again', { isIdempotent: true })
    await world.untilSent(1)
    const left = await world.killed()
    await before.remove(id)
    await before.detach()
    world.behave = answerOk
    const after = await world.open(left)
    assert.ok(await after.untilEnded(id, 1000, signal))
    assert.equal((await after.get(id)).status, 'answered')
    await after.detach()
    await rm(left, { recursive: true })
  })

  test('F18: keep no daemon from starting when the disk is full, and are sorted when there is room', async () => {
    await using world = await World.make()
    world.behave = sayNothing
    const before = await world.open()
    const lost = await ask(before, '/once')
    await world.untilSent(1)
    const left = await world.killed()
    await before.remove(lost.id)
    await before.detach()
    const draft = join(left, 'invocations', lost.id, 'record.json.draft')
    await mkdir(draft)
    const after = await world.open(left)
    assert.equal((await after.get(lost.id)).status, 'running')
    await rm(draft, { recursive: true })
    await world.clock.advance(5000)
    assert.ok(await after.untilEnded(lost.id, 1000, signal))
    assert.equal((await after.get(lost.id)).status, 'lost')
    await after.detach()
    await rm(left, { recursive: true })
  })

  test('keep their answers, their keys and who is to be told', async () => {
    await using world = await World.make()
    const before = await world.open()
    const { id } = await ask(before, '/done', { key: 'k', webhookUrl: 'https://a.example/' })
    await before.untilEnded(id, 1000, signal)
    while (world.told.length < 1) await new Promise(setImmediate)
    await before.detach()
    const after = await world.open()
    const { status, headers, body } = await after.openAnswer(id)
    const text = Buffer.concat(await Array.fromAsync(body)).toString()
    assert.deepEqual([status, headers, text], [200, ['x-a', 'b'], 'hello'])
    assert.equal((await ask(after, '/done', { key: 'k', webhookUrl: 'https://a.example/' })).id, id)
    await assert.rejects(ask(after, '/other', { key: 'k' }), (error) => ErrandError.from(error).code === 'key_conflict')
    const [first, second] = world.told
    assert.equal(first?.id, second?.id)
    assert.deepEqual(await second?.load(), { id, status: 'answered' })
    await second?.settle({ deliveredMs: 7 })
    await after.detach()
    const last = await world.open()
    assert.deepEqual([(await last.get(id)).webhook, world.told.length], [{ deliveredMs: 7 }, 2])
    assert.equal(world.sent.length, 1)
    await last.detach()
  })

  test('are passed over when they are damaged, and told; what was never accepted is removed', async () => {
    await using world = await World.make()
    const before = await world.open()
    const { id: good } = await ask(before, '/good')
    const { id: bad } = await ask(before, '/bad')
    await before.untilEnded(good, 1000, signal)
    await before.untilEnded(bad, 1000, signal)
    await before.detach()
    const folder = join(world.folder, 'invocations')
    await truncate(join(folder, bad, 'record.json'), 20)
    await mkdir(join(folder, 'draft'))
    await writeFile(join(folder, 'draft', 'request.body'), 'half')
    const after = await world.open()
    assert.equal((await after.get(good)).status, 'answered')
    await assert.rejects(after.get(bad), (error) => ErrandError.from(error).code === 'not_found')
    assert.equal(world.errors.length, 1)
    assert.deepEqual((await readdir(folder)).toSorted(), [good, bad].toSorted(), 'what is damaged is left where it is')
    await after.detach()
  })

  test('go when their time is over, counted from their end', async () => {
    await using world = await World.make()
    const before = await world.open()
    const { id } = await ask(before, '/old')
    await before.untilEnded(id, 1000, signal)
    await before.detach()
    await world.clock.advance(LIMITS.retentionMs - 1)
    const after = await world.open()
    assert.equal((await after.get(id)).status, 'answered')
    await world.clock.advance(1)
    while ((await readdir(join(world.folder, 'invocations'))).length > 0) await new Promise(setImmediate)
    await after.detach()
  })
})

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
