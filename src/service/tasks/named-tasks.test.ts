import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { ErrandError } from '../../core/errors.ts'
import { coded, FULL, names, TasksWorld } from './named-tasks.fixture.ts'
import { TaskFile } from './task-file.ts'
import type { TaskRequest } from './task-request.ts'

const world = new TasksWorld()
beforeEach(() => world.begin())
afterEach(() => world.end())

describe('a named task', () => {
  test('is what its definition says, in inside units', async () => {
    const tasks = await world.open()
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
    const tasks = await world.open()
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
    const tasks = await world.open()
    await tasks.put('ada', 'hello', { image: 'hello' })
    assert.throws(() => tasks.load('eve', 'hello'), coded('not_found'))
    await assert.rejects(tasks.remove('eve', 'hello'), coded('not_found'))
    await tasks.put('eve', 'hello', { image: 'evil' })
    assert.equal(tasks.load('ada', 'hello').task.image, 'hello')
    assert.notEqual(tasks.load('ada', 'hello').key, tasks.load('eve', 'hello').key)
    assert.deepEqual(names(tasks.page('ada', 10).tasks), ['hello ada'])
  })

  test('that is defined anew is another one from then on', async () => {
    const tasks = await world.open()
    await tasks.put('ada', 'hello', { image: 'hello', env: { A: '1', B: '2' } })
    const { key, record } = tasks.load('ada', 'hello')
    assert.deepEqual([tasks.isDefined(key), world.changes], [true, 0])
    await world.clock.advance(5)
    const same = await tasks.put('ada', 'hello', { env: { B: '2', A: '1' }, image: 'hello' })
    assert.deepEqual([same, world.changes, tasks.isDefined(key)], [{ record, isNew: false }, 0, true])
    const other = await tasks.put('ada', 'hello', { image: 'hello', env: { A: '1', B: '3' } })
    assert.deepEqual([other.isNew, world.changes, tasks.isDefined(key), tasks.find(key)], [false, 1, false, undefined])
    assert.deepEqual([other.record.createdMs, other.record.updatedMs], [record.createdMs, record.updatedMs + 5])
  })

  test('that is removed is none from then on', async () => {
    const tasks = await world.open()
    await tasks.put('ada', 'hello', { image: 'hello' })
    const { key } = tasks.load('ada', 'hello')
    await tasks.remove('ada', 'hello')
    assert.deepEqual([tasks.isDefined(key), world.changes], [false, 1])
    assert.throws(() => tasks.load('ada', 'hello'), coded('not_found'))
    await assert.rejects(tasks.remove('ada', 'hello'), coded('not_found'))
    assert.deepEqual(tasks.page(undefined, 10), { tasks: [], cursor: undefined })
  })

  test('that can never be started here is refused, and what it was stays', async () => {
    const tasks = await world.open()
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
      const tasks = await world.open()
      await assert.rejects(tasks.put('ada', name, request as TaskRequest), coded('validation_failed'))
      assert.deepEqual(tasks.page(undefined, 10).tasks, [])
    })
  }
})
