import assert from 'node:assert/strict'
import { mkdir, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { ErrandError } from '../../core/errors.ts'
import { answerOk, ask, asked, sayNothing, World } from './async-invocations.fixture.ts'
import type { AsyncInvocations } from './async-invocations.ts'
import type { InvocationPage } from './later-api.ts'

const { signal } = new AbortController()

/** Until the function that it resolves with is called. */
async function makeIrremovable(folder: string, id: string): Promise<() => Promise<void>> {
  const record = join(folder, 'invocations', id, 'record.json')
  const aside = join(folder, 'aside')
  await rename(record, aside)
  await mkdir(join(record, 'in-the-way'), { recursive: true })
  return async () => {
    await rm(record, { recursive: true })
    await rename(aside, record)
  }
}

describe('invocations that have ended', () => {
  test('are known to the next process without a look at their records, keys and order included', async () => {
    await using world = await World.make()
    const before = await world.open()
    const ids: string[] = []
    for (const key of ['a', 'b', 'c']) {
      const { id } = await ask(before, '/', { key })
      await before.untilEnded(id, 1000, signal)
      await world.clock.advance(1)
      ids.push(id)
    }
    await before.detach()
    const folder = join(world.folder, 'invocations')
    for (const id of ids) await rename(join(folder, id, 'record.json'), join(folder, id, 'aside'))
    const after = await world.open()
    for (const id of ids) await rename(join(folder, id, 'aside'), join(folder, id, 'record.json'))
    const first = await after.page('ada', 2)
    const second = await after.page(undefined, 2, first.cursor)
    const idsOf = ({ records }: InvocationPage): string[] => records.map(({ id }) => id)
    assert.deepEqual([...idsOf(first), ...idsOf(second)], ids.toReversed())
    assert.deepEqual([second.cursor, (await after.page('eve', 2)).records], [undefined, []])
    await assert.rejects(after.page(undefined, 2, 'x'), (error) => ErrandError.from(error).code === 'validation_failed')
    assert.equal((await ask(after, '/', { key: 'b' })).id, ids[1])
    await assert.rejects(ask(after, '/other', { key: 'b' }), (error) => ErrandError.from(error).code === 'key_conflict')
    await after.detach()
  })

  test('go before their time when they take too much room, the first ones first, also after a restart', async () => {
    await using world = await World.make()
    const room = { retentionBytes: 100_000 }
    const before = await world.open(world.folder, room)
    const folder = join(world.folder, 'invocations')
    const untilLeft = async (invocations: AsyncInvocations, count: number): Promise<string[]> => {
      while ((await readdir(folder)).length > count) await new Promise(setImmediate)
      return (await invocations.page(undefined, 99)).records.map(({ id }) => id)
    }
    const ids: string[] = []
    for (let index = 0; index < 8; index += 1) {
      const { id } = await ask(before, '/')
      await before.untilEnded(id, 1000, signal)
      await world.clock.advance(1)
      ids.unshift(id)
    }
    // Each takes five blocks of 4 KiB.
    assert.deepEqual(await untilLeft(before, 4), ids.slice(0, 4))
    await before.detach()
    const after = await world.open(world.folder, { retentionBytes: 50_000 })
    assert.deepEqual(await untilLeft(after, 2), ids.slice(0, 2))
    await after.detach()
  })

  test('that could not be removed are still there, and can be removed again', async () => {
    await using world = await World.make()
    const invocations = await world.open()
    const { id } = await ask(invocations, '/', { key: 'k' })
    await invocations.untilEnded(id, 1000, signal)
    const putBack = await makeIrremovable(world.folder, id)
    await assert.rejects(invocations.remove(id), (error) => ErrandError.from(error).code === 'storage_error')
    await putBack()
    assert.equal((await invocations.get(id)).status, 'answered')
    assert.equal((await ask(invocations, '/', { key: 'k' })).id, id)
    await invocations.remove(id)
    await assert.rejects(invocations.get(id), (error) => ErrandError.from(error).code === 'not_found')
    await invocations.detach()
  })
})

describe('one that waits and could not be removed', () => {
  test('is answered all the same', async () => {
    await using world = await World.make()
    const invocations = await world.open()
    const held = Promise.withResolvers<void>()
    world.behave = async (sink, cancellation) => {
      await held.promise
      await answerOk(sink, cancellation)
    }
    const first = await ask(invocations, '/1')
    const second = await ask(invocations, '/2')
    const putBack = await makeIrremovable(world.folder, second.id)
    await assert.rejects(invocations.remove(second.id), (error) => ErrandError.from(error).code === 'storage_error')
    await putBack()
    held.resolve()
    for (const each of [first, second]) assert.ok(await invocations.untilEnded(each.id, 1000, signal))
    assert.equal((await invocations.get(second.id)).status, 'answered')
    await invocations.detach()
  })

  test('is tried again also where its time came while it was being removed', { timeout: 10_000 }, async () => {
    await using world = await World.make()
    world.behave = async () => {
      throw new ErrandError('resources_exhausted', 'no room', { retryAfterMs: 1000 })
    }
    const invocations = await world.open()
    const { id } = await ask(invocations, '/')
    while (world.clock.pendingTimers === 0) await new Promise(setImmediate)
    world.behave = answerOk
    const putBack = await makeIrremovable(world.folder, id)
    const refused = assert.rejects(invocations.remove(id), (error) => ErrandError.from(error).code === 'storage_error')
    await world.clock.advance(1000)
    await refused
    // Its record cannot be written yet either.
    while (world.clock.pendingTimers === 0) await new Promise(setImmediate)
    await putBack()
    await world.clock.advance(1000)
    assert.ok(await invocations.untilEnded(id, 1000, signal))
    assert.equal((await invocations.get(id)).status, 'answered')
    await invocations.detach()
  })

  test('is sorted also where an earlier daemon had begun it', async () => {
    await using world = await World.make()
    world.behave = sayNothing
    const before = await world.open()
    const { id } = await ask(before, '/')
    await world.untilSent(1)
    const left = await world.killed()
    await before.remove(id)
    await before.detach()
    const draft = join(left, 'invocations', id, 'record.json.draft')
    await mkdir(draft)
    const after = await world.open(left)
    const putBack = await makeIrremovable(left, id)
    await assert.rejects(after.remove(id), (error) => ErrandError.from(error).code === 'storage_error')
    await putBack()
    await rm(draft, { recursive: true })
    await world.clock.advance(60_000)
    assert.ok(await after.untilEnded(id, 1000, signal))
    assert.equal((await after.get(id)).status, 'lost')
    await after.detach()
    await rm(left, { recursive: true })
  })
})

describe('letting go', () => {
  test('waits for what is being accepted, and for no body that does not come', async () => {
    await using world = await World.make()
    const invocations = await world.open()
    const [begun, ended] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    async function* halfABody(): AsyncGenerator<Uint8Array, void> {
      yield Buffer.from('half')
      begun.resolve()
      await ended.promise
    }
    const accepting = invocations.accept(asked('/'), halfABody())
    await begun.promise
    const refused = assert.rejects(accepting, (error) => ErrandError.from(error).code === 'draining')
    await invocations.detach()
    assert.deepEqual(await readdir(join(world.folder, 'invocations')), [], 'nothing of it is left')
    await refused
    ended.resolve()
  })

  test('leaves no timer, whatever ends meanwhile', async () => {
    await using world = await World.make()
    world.behave = sayNothing
    const invocations = await world.open()
    await ask(invocations, '/')
    await world.untilSent(1)
    await invocations.detach()
    assert.equal(world.clock.pendingTimers, 0)
  })
})
