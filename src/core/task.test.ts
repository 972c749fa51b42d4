import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DEFAULT_RESOURCES } from './resources.ts'
import { type Task, taskKey, taskOf } from './task.ts'

const TASK: Task = { image: 'host:5000/a/b@sha256:0', isolation: 'microvm', resources: DEFAULT_RESOURCES, sgx: true }

test('a key tells its task', () => {
  assert.deepEqual(taskOf(taskKey({ id: '127.0.0.1:2591' }, TASK)), TASK)
  assert.deepEqual(taskOf(taskKey({ id: '' }, { ...TASK, sgx: false })), { ...TASK, sgx: false })
})

test('a text that is no key tells none', () => {
  const key = taskKey({ id: 'caller' }, TASK)
  for (const text of ['', 'caller', `${key}\n`, `\n${key}`, key.replace('true', 'yes'), key.replace('microvm', 'vm')]) {
    assert.equal(taskOf(text), undefined, text)
  }
  assert.equal(taskOf(key.replace('1000', '1e3')), undefined)
})
