import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { ErrandError, type ErrorCode } from '../../core/errors.ts'
import { ManualClock } from '../../core/manual-clock.ts'
import type { Task } from '../../core/task.ts'
import { NamedTasks } from './named-tasks.ts'
import { TaskFile } from './task-file.ts'
import type { TaskRequest } from './task-request.ts'

const clock = new ManualClock()
/** What each test begins anew with. */
const world = {
  folder: '',
  changes: 0,
  impossible: undefined as ErrandError | undefined,
  checked: [] as Task[],
}

beforeEach(async () => {
  world.folder = await mkdtemp(join(tmpdir(), 'errand-tasks-'))
  world.changes = 0
  world.checked = []
  world.impossible = undefined
})

afterEach(async () => {
  await rm(world.folder, { recursive: true })
})

function openTasks(): Promise<NamedTasks> {
  return NamedTasks.open({
    file: new TaskFile(world.folder),
    readyMark: 'up',
    clock,
    assertPossible(task) {
      world.checked.push(task)
      if (world.impossible !== undefined) throw world.impossible
    },
    onChanged: () => {
      world.changes += 1
    },
  })
}

function coded(code: ErrorCode, text?: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof ErrandError)
    assert.equal(error.code, code, error.message)
    if (text !== undefined) assert.match(error.message, text)
    return true
  }
}

const FULL: TaskRequest = {
  image: 'localhost:5000/resize:1',
  entrypoint: ['/bin/serve'],
  cmd: ['--fast'],
  env: { MODE: 'fast', EMPTY: '' },
  workingDir: '/srv',
  user: '1000:1000',
  resources: { cpu: 0.5, memoryBytes: 64 * 2 ** 20, diskBytes: 2 ** 20, pids: 7 },
  isolation: 'gvisor',
  sgx: true,
  network: 'internal',
  profile: 'strict',
  preset: 'many-threads',
  port: 80,
  readiness: 'http:/up?x=1',
  concurrency: 'unlimited',
  keepAliveMs: 0,
  startTimeoutMs: 2,
  requestTimeoutMs: 3,
}

describe('a named task', () => {
  test('is what its definition says, in inside units', async () => {
    const tasks = await openTasks()
    const { isNew } = await tasks.put('ada', 'resize', FULL)
    assert.ok(isNew)
    const { task, key, record } = tasks.load('ada', 'resize')
    assert.deepEqual(task, {
      image: 'localhost:5000/resize:1',
      isolation: 'gvisor',
      resources: { cpuMillis: 500, memoryBytes: 64 * 2 ** 20, gpus: 0 },
      sgx: true,
      definition: {
        name: 'resize',
        digest: task.definition?.digest,
        process: {
          entrypoint: ['/bin/serve'],
          cmd: ['--fast'],
          environment: { MODE: 'fast', EMPTY: '' },
          workingDir: '/srv',
          user: '1000:1000',
        },
        readiness: { kind: 'http', path: '/up?x=1' },
        profile: 'strict',
        preset: 'many-threads',
        network: 'internal',
        port: 80,
        concurrency: Number.POSITIVE_INFINITY,
        keepAliveMs: 0,
        startTimeoutMs: 2,
        requestTimeoutMs: 3,
        pidsLimit: 7,
        diskBytes: 2 ** 20,
      },
    })
    assert.deepEqual(record.request, FULL)
    assert.deepEqual(world.checked, [task])
    assert.equal(tasks.find(key), task)
  })

  test('of which nothing but the image is said has the defaults of the node', async () => {
    const tasks = await openTasks()
    await tasks.put('ada', 'hello', { image: 'hello' })
    const { definition, resources } = tasks.load('ada', 'hello').task
    assert.deepEqual(definition, {
      name: 'hello',
      digest: definition?.digest,
      process: {},
      readiness: { kind: 'connect' },
    })
    assert.deepEqual(resources, { cpuMillis: 1000, memoryBytes: 128 * 2 ** 20, gpus: 0 })
    await tasks.put('ada', 'hello', { image: 'hello', readiness: 'mark' })
    assert.deepEqual(tasks.load('ada', 'hello').task.definition?.readiness, { kind: 'mark', mark: 'up' })
  })

  test('is one caller’s own', async () => {
    const tasks = await openTasks()
    await tasks.put('ada', 'hello', { image: 'hello' })
    assert.throws(() => tasks.load('eve', 'hello'), coded('not_found'))
    await assert.rejects(tasks.remove('eve', 'hello'), coded('not_found'))
    await tasks.put('eve', 'hello', { image: 'evil' })
    assert.equal(tasks.load('ada', 'hello').task.image, 'hello')
    assert.notEqual(tasks.load('ada', 'hello').key, tasks.load('eve', 'hello').key)
    assert.deepEqual(names(tasks.page('ada', 10).tasks), ['hello ada'])
  })

  test('that is defined anew is another one from then on', async () => {
    const tasks = await openTasks()
    await tasks.put('ada', 'hello', { image: 'hello', env: { A: '1', B: '2' } })
    const { key, record } = tasks.load('ada', 'hello')
    assert.deepEqual([tasks.isDefined(key), world.changes], [true, 0])
    await clock.advance(5)
    const same = await tasks.put('ada', 'hello', { env: { B: '2', A: '1' }, image: 'hello' })
    assert.deepEqual([same, world.changes, tasks.isDefined(key)], [{ record, isNew: false }, 0, true])
    const other = await tasks.put('ada', 'hello', { image: 'hello', env: { A: '1', B: '3' } })
    assert.deepEqual([other.isNew, world.changes, tasks.isDefined(key), tasks.find(key)], [false, 1, false, undefined])
    assert.deepEqual([other.record.createdMs, other.record.updatedMs], [record.createdMs, record.updatedMs + 5])
  })

  test('that is removed is none from then on', async () => {
    const tasks = await openTasks()
    await tasks.put('ada', 'hello', { image: 'hello' })
    const { key } = tasks.load('ada', 'hello')
    await tasks.remove('ada', 'hello')
    assert.deepEqual([tasks.isDefined(key), world.changes], [false, 1])
    assert.throws(() => tasks.load('ada', 'hello'), coded('not_found'))
    await assert.rejects(tasks.remove('ada', 'hello'), coded('not_found'))
    assert.deepEqual(tasks.page(undefined, 10), { tasks: [], cursor: undefined })
  })

  test('that can never be started here is refused, and what it was stays', async () => {
    const tasks = await openTasks()
    await tasks.put('ada', 'hello', { image: 'hello' })
    world.impossible = new ErrandError('resources_unsatisfiable', 'too large')
    await assert.rejects(tasks.put('ada', 'hello', { image: 'huge' }), world.impossible)
    assert.equal(tasks.load('ada', 'hello').task.image, 'hello')
    assert.deepEqual(names(await new TaskFile(world.folder).read()), ['hello ada'])
  })
})

describe('a definition is refused', () => {
  const hello = { image: 'hello' }
  const wrong: Readonly<Record<string, [string, object]>> = {
    'with a name that is no id': ['Hello', hello],
    'with a name of a path': ['../x', hello],
    'without an image': ['hello', {}],
    'with an image that is none': ['hello', { image: 'a b' }],
    'with a key that nobody knows': ['hello', { ...hello, privileged: true }],
    'with a variable that has no name': ['hello', { ...hello, env: { '=': 'x' } }],
    'with a NUL': ['hello', { ...hello, cmd: ['a\0b'] }],
    'with a relative folder': ['hello', { ...hello, workingDir: 'srv' }],
    'with too little memory': ['hello', { ...hello, resources: { memoryBytes: 5 } }],
    'with a core in half steps': ['hello', { ...hello, resources: { cpu: 0.15 } }],
    'with a preset that there is not': ['hello', { ...hello, preset: 'everything' }],
    'with a port beyond all': ['hello', { ...hello, port: 65_536 }],
    'with an answer to come from a line feed': ['hello', { ...hello, readiness: 'http:/\r\nx' }],
    'with no concurrency': ['hello', { ...hello, concurrency: 0 }],
    'with no patience': ['hello', { ...hello, requestTimeoutMs: 0 }],
    'with a network that is the host’s': ['hello', { ...hello, network: 'host' }],
    'that is very long': ['hello', { ...hello, env: { A: 'x'.repeat(65_536) } }],
  }
  for (const [how, [name, request]] of Object.entries(wrong)) {
    test(how, async () => {
      const tasks = await openTasks()
      await assert.rejects(tasks.put('ada', name, request as TaskRequest), coded('validation_failed'))
      assert.deepEqual(tasks.page(undefined, 10).tasks, [])
    })
  }
})

describe('named tasks', () => {
  test('outlive the process, in a file that nobody else can read', async () => {
    const before = await openTasks()
    await before.put('ada', 'resize', FULL)
    await before.put('eve', 'hello', { image: 'hello' })
    const after = await openTasks()
    assert.deepEqual(after.load('ada', 'resize'), before.load('ada', 'resize'))
    assert.deepEqual(names(after.page(undefined, 10).tasks), ['hello eve', 'resize ada'])
    assert.equal((await stat(join(world.folder, 'tasks.json'))).mode & 0o777, 0o600)
  })

  test('are kept however many are defined at once', async () => {
    const tasks = await openTasks()
    await Promise.all(['a', 'b', 'c', 'd'].map((name) => tasks.put('ada', name, { image: name })))
    assert.deepEqual(names(await new TaskFile(world.folder).read()), ['a ada', 'b ada', 'c ada', 'd ada'])
  })

  test('are told page by page', async () => {
    const tasks = await openTasks()
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
    const tasks = await openTasks()
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
      await assert.rejects(openTasks(), (error) => coded('storage_error', /tasks\.json is damaged/)(error))
      assert.equal(await readFile(path, 'utf8'), text)
    })
  }

  test('that cannot be kept are refused, and nothing has changed', async () => {
    const tasks = await openTasks()
    await tasks.put('ada', 'hello', { image: 'hello' })
    await rm(world.folder, { recursive: true })
    await assert.rejects(tasks.put('ada', 'more', { image: 'hello' }), coded('storage_error'))
    await assert.rejects(tasks.remove('ada', 'hello'), coded('storage_error'))
    assert.deepEqual(names(tasks.page('ada', 10).tasks), ['hello ada'])
    world.folder = await mkdtemp(join(tmpdir(), 'errand-tasks-'))
  })
})

function names(records: readonly { readonly name: string; readonly callerId: string }[]): string[] {
  return records.map(({ name, callerId }) => `${name} ${callerId}`)
}
