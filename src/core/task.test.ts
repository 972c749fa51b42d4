import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DEFAULT_RESOURCES } from './resources.ts'
import { ISOLATIONS, readTaskKey, type Task, taskKey } from './task.ts'

const TASK: Task = { image: 'host:5000/a/b@sha256:0', isolation: 'microvm', resources: DEFAULT_RESOURCES, sgx: true }

test('a key tells its task', () => {
  const callerId = '127.0.0.1:2591'
  assert.deepEqual(readTaskKey(taskKey({ id: callerId }, TASK)), { callerId, task: TASK, definition: undefined })
  const other = { ...TASK, sgx: false }
  assert.deepEqual(readTaskKey(taskKey({ id: '' }, other)), { callerId: '', task: other, definition: undefined })
})

test('a key tells each isolation, those of earlier versions included', () => {
  for (const isolation of ISOLATIONS) {
    const task = { ...TASK, isolation }
    assert.deepEqual(readTaskKey(taskKey({ id: 'caller' }, task))?.task, task)
  }
  for (const isolation of ['container', 'microvm'] as const) {
    const kept = `caller\nbusybox\n${isolation}\n1000\n134217728\n0\nfalse`
    assert.equal(readTaskKey(kept)?.task.isolation, isolation)
  }
})

test('a key of a named task tells its name, and what its definition came to', () => {
  const readiness = { kind: 'connect' } as const
  const definition = { name: 'resize', digest: 'abc', process: { user: 'somebody' }, readiness, port: 80 }
  const key = taskKey({ id: 'caller' }, { ...TASK, definition })
  assert.deepEqual(readTaskKey(key), {
    callerId: 'caller',
    task: TASK,
    definition: { name: 'resize', digest: 'abc' },
  })
  assert.notEqual(key, taskKey({ id: 'caller' }, { ...TASK, definition: { ...definition, digest: 'abd' } }))
  assert.notEqual(key, taskKey({ id: 'caller' }, TASK))
  assert.equal(readTaskKey(`${key}\nmore`), undefined)
})

test('a text that is no key tells none', () => {
  const key = taskKey({ id: 'caller' }, TASK)
  for (const text of ['', 'caller', `${key}\n`, `\n${key}`, key.replace('true', 'yes'), key.replace('microvm', 'vm')]) {
    assert.equal(readTaskKey(text), undefined, text)
  }
  assert.equal(readTaskKey(key.replace('1000', '1e3')), undefined)
})
