import assert from 'node:assert/strict'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { RecordingLog } from '../../test/support/recording-log.ts'
import { silentLog } from '../core/log.ts'
import { DEFAULT_RESOURCES } from '../core/resources.ts'
import type { Task, TaskDefinition } from '../core/task.ts'
import { plainSpec } from '../engine/sandbox-spec.fixture.ts'
import { makePlace } from '../files/place.fixture.ts'
import { StartScripts } from './start-scripts.ts'

const TASK: Task = { image: 'it', isolation: 'container', resources: DEFAULT_RESOURCES, sgx: false }
const DEFINITION: TaskDefinition = { name: 'it', digest: 'd', process: {}, readiness: { kind: 'connect' } }

function withScripts(...names: readonly string[]): Task {
  const provisionScripts = names.map((name) => ({ name, content: `echo ${name}` }))
  return { ...TASK, definition: { ...DEFINITION, provisionScripts } }
}

test('scripts lie on the disk until the start is over, and run before what the task runs', async () => {
  await using place = await makePlace()
  const folder = place.at('starting')
  const scripts = await StartScripts.open(folder, silentLog)
  {
    await using written = await scripts.write('one', withScripts('a', 'b'))
    const mounts = [{ kind: 'scratch', target: '/tmp', sizeBytes: 1 } as const]
    const spec = written?.runIn(plainSpec('image', { mounts, process: { cmd: ['serve'] } }))
    const source = join(folder, 'one')
    const mount = { kind: 'bind', source, target: '/errand/provision', isReadOnly: true }
    assert.deepEqual(spec?.mounts, [...mounts, mount])
    assert.deepEqual(spec?.process, { cmd: ['serve'], prefix: ['/bin/sh', '/errand/provision/run'] })
    assert.equal(await readFile(join(source, 'scripts/b'), 'utf8'), 'echo b')
  }
  assert.deepEqual(await readdir(folder), [])
})

test('nothing is written for a task without scripts', async () => {
  await using place = await makePlace()
  const scripts = await StartScripts.open(place.at('starting'), silentLog)
  assert.equal(await scripts.write('one', TASK), undefined)
  assert.equal(await scripts.write('two', { ...TASK, definition: DEFINITION }), undefined)
  assert.deepEqual(await readdir(place.path), [])
})

test('scripts that cannot be written are a storage error, and leave nothing', async () => {
  await using place = await makePlace()
  const scripts = await StartScripts.open(place.at('starting'), silentLog)
  await writeFile(place.at('starting'), 'no folder')
  await assert.rejects(scripts.write('one', withScripts('a')), { code: 'storage_error' })
  assert.deepEqual(await readdir(place.path), ['starting'])
})

test('what an earlier process left, and cannot be removed, is told of and left', async () => {
  await using place = await makePlace()
  await writeFile(place.at('file'), '')
  const log = new RecordingLog()
  await StartScripts.open(place.at('file/starting'), log)
  assert.equal(log.lines.length, 1)
})

test('what an earlier process left of a start is removed', async () => {
  await using place = await makePlace()
  await mkdir(place.at('starting/old/scripts'), { recursive: true })
  await StartScripts.open(place.at('starting'), silentLog)
  assert.deepEqual(await readdir(place.path), [])
})
