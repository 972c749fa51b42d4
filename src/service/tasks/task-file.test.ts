import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { coded, FULL, names, TasksWorld } from './named-tasks.fixture.ts'
import { TaskFile } from './task-file.ts'

const world = new TasksWorld()
beforeEach(() => world.begin())
afterEach(() => world.end())

describe('named tasks', () => {
  test('outlive the process, in a file that nobody else can read', async () => {
    const before = await world.open()
    await before.put('ada', 'resize', FULL)
    await before.put('eve', 'hello', { image: 'hello' })
    const after = await world.open()
    assert.deepEqual(after.load('ada', 'resize'), before.load('ada', 'resize'))
    assert.deepEqual(names(after.page(undefined, 10).tasks), ['hello eve', 'resize ada'])
    assert.equal((await stat(join(world.folder, 'tasks.json'))).mode & 0o777, 0o600)
  })

  test('are kept however many are defined at once', async () => {
    const tasks = await world.open()
    await Promise.all(['a', 'b', 'c', 'd'].map((name) => tasks.put('ada', name, { image: name })))
    assert.deepEqual(names(await new TaskFile(world.folder).read()), ['a ada', 'b ada', 'c ada', 'd ada'])
  })

  test('are told page by page', async () => {
    const tasks = await world.open()
    for (const [caller, name] of ['ada b', 'eve b', 'ada a', 'ada b-1', 'ada c'].map((each) => each.split(' '))) {
      await tasks.put(caller ?? '', name ?? '', { image: 'hello' })
    }
    const seen: string[][] = []
    let cursor: string | undefined
    do {
      const page = tasks.page(undefined, 2, cursor)
      seen.push(names(page.tasks))
      cursor = page.cursor
    } while (cursor !== undefined)
    assert.deepEqual(seen, [['a ada', 'b ada'], ['b eve', 'b-1 ada'], ['c ada']])
    assert.deepEqual(names(tasks.page('ada', 10, 'b ada').tasks), ['b-1 ada', 'c ada'])
  })

  test('of one caller are a thousand at most, whatever others have', async () => {
    const record = { request: { image: 'hello' }, createdMs: 1, updatedMs: 1 }
    const many = Array.from({ length: 1000 }, (_, index) => ({ ...record, callerId: 'ada', name: `t${index}` }))
    await new TaskFile(world.folder).write(many)
    const tasks = await world.open()
    await assert.rejects(tasks.put('ada', 'more', { image: 'hello' }), coded('forbidden', /1000/))
    await tasks.put('ada', 't5', { image: 'other' })
    await tasks.put('eve', 'more', { image: 'hello' })
    await tasks.remove('ada', 't6')
    await tasks.put('ada', 'more', { image: 'hello' })
  })

  for (const text of [
    '',
    '{"version":1,"tasks":[',
    '{"version":2,"tasks":[]}',
    '{"version":1,"tasks":[{"name":"a"}]}',
  ]) {
    test(`of a damaged file (${text}) are an error that names it, never none`, async () => {
      const path = join(world.folder, 'tasks.json')
      await writeFile(path, text)
      await assert.rejects(world.open(), (error) => coded('storage_error', /tasks\.json is damaged/)(error))
      assert.equal(await readFile(path, 'utf8'), text)
    })
  }

  test('that cannot be kept are refused, and nothing has changed', async () => {
    const tasks = await world.open()
    await tasks.put('ada', 'hello', { image: 'hello' })
    await rm(world.folder, { recursive: true })
    await assert.rejects(tasks.put('ada', 'more', { image: 'hello' }), coded('storage_error'))
    await assert.rejects(tasks.remove('ada', 'hello'), coded('storage_error'))
    assert.deepEqual(names(tasks.page('ada', 10).tasks), ['hello ada'])
    world.folder = await mkdtemp(join(tmpdir(), 'errand-tasks-'))
  })
})
