import assert from 'node:assert/strict'
import { mkdir, readdir, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { ErrandError } from '../../core/errors.ts'
import { answerOk, ask, LIMITS, sayNothing, World } from './async-invocations.fixture.ts'

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
