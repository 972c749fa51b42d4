import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DEFAULT_RESOURCES, MIB } from '../../core/resources.ts'
import { parseExecutionRequest } from './execution-request.ts'
import { MalformedRequest } from './fields.ts'

function parse(fields: object): ReturnType<typeof parseExecutionRequest> {
  return parseExecutionRequest(Buffer.from(JSON.stringify({ id: 'a', input: 'x', ...fields })), () => {})
}

test('a request that says no more than it must gets the defaults', () => {
  const task = { image: 'a', isolation: 'container', resources: DEFAULT_RESOURCES, sgx: false }
  const expected = { task, method: 'POST', path: '/', body: 'x' }
  assert.deepEqual(parse({}), expected)
  assert.deepEqual(parse({ resource: {}, runtime: '', use_sgx: false }), expected)
  assert.deepEqual(parse({ resource: null, runtime: null, use_sgx: null }), expected)
  assert.deepEqual(parse({ resource: { cpu: 0, mem: 0, memory: 0, use_gpu: false, gpu_count: 0 } }), expected)
})

test('each resource has its own default, its alias and its unit', () => {
  const asked: [object, number, number, number][] = [
    [{ cpu: 0.1 }, 100, 128, 0],
    [{ cpu: 2.5, mem: 0 }, 2500, 128, 0],
    [{ mem: 6 }, 1000, 6, 0],
    [{ memory: 64 }, 1000, 64, 0],
    [{ mem: 0, memory: 64 }, 1000, 64, 0],
    [{ mem: 32, memory: 64 }, 1000, 32, 0],
    [{ use_gpu: true }, 1000, 128, 1],
    [{ use_gpu: true, gpu_count: 0 }, 1000, 128, 1],
    [{ use_gpu: true, gpu_count: 3 }, 1000, 128, 3],
    [{ gpu_count: 2 }, 1000, 128, 2],
    [{ use_gpu: false, gpu_count: 2 }, 1000, 128, 2],
  ]
  for (const [resource, cpuMillis, mebibytes, gpus] of asked) {
    const { resources } = parse({ resource }).task
    assert.deepEqual(resources, { cpuMillis, memoryBytes: mebibytes * MIB, gpus }, JSON.stringify(resource))
  }
})

test('microVM asks for the isolation of that name', () => {
  assert.equal(parse({ runtime: 'microVM' }).task.isolation, 'microvm')
  assert.equal(parse({ runtime: 'container' }).task.isolation, 'container')
})

test('the input goes on untouched, and an SGX task has its own routes', () => {
  const odd = ' {"a":\u0000"\\u00fc"}\n'
  assert.equal(parse({ input: odd }).body, odd)
  assert.deepEqual(pick(parse({ use_sgx: true, input: odd })), ['POST', '/run', odd])
  assert.deepEqual(pick(parse({ use_sgx: true, input: 'SGXRAREQUEST' })), ['GET', '/ra', ''])
  assert.deepEqual(pick(parse({ use_sgx: true, input: 'SGXRAREQUEST ' })), ['POST', '/run', 'SGXRAREQUEST '])
  assert.deepEqual(pick(parse({ input: 'SGXRAREQUEST' })), ['POST', '/', 'SGXRAREQUEST'])
})

function pick({ method, path, body }: ReturnType<typeof parse>): string[] {
  return [method, path, body]
}

test('a missing field or a wrong type is malformed, whatever the values beside it', () => {
  const resources = [{ cpu: '1' }, { mem: '1' }, { memory: true }, { use_gpu: 1 }, { gpu_count: '1' }, [], 'big', 1]
  const bodies = [
    ...resources.map((resource) => ({ resource })),
    { id: undefined },
    { id: 1 },
    { id: null },
    { input: undefined },
    { input: null },
    { input: { a: 1 } },
    { runtime: 1 },
    { use_sgx: 'yes' },
    { resource: { cpu: -1, mem: '1' } },
  ]
  for (const body of bodies) assert.throws(() => parse(body), MalformedRequest, JSON.stringify(body))
})

test('what is no JSON object is malformed', () => {
  const bodies = ['', 'null', '[]', '"a"', '1', '{', '{"id":"a","input":"x"} x', '{"id":"a","input":"x"}{}', '\ufeff{}']
  for (const body of [...bodies.map((text) => Buffer.from(text)), Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d])]) {
    assert.throws(() => parseExecutionRequest(body, () => {}), MalformedRequest, body.toString())
  }
})

test('a value that no task can have is refused as such', () => {
  const bodies = [
    { resource: { cpu: -1 } },
    { resource: { cpu: 0.15 } },
    { resource: { cpu: 1e300 } },
    { resource: { mem: 5 } },
    { resource: { mem: 128.5 } },
    { resource: { mem: -128 } },
    { resource: { gpu_count: -1 } },
    { resource: { gpu_count: 0.5 } },
    { runtime: 'microvm' },
    { runtime: 'runc' },
  ]
  for (const body of bodies) assert.throws(() => parse(body), { code: 'validation_failed' }, JSON.stringify(body))
  const infinite = Buffer.from('{"id":"a","input":"","resource":{"gpu_count":1e999}}')
  assert.throws(() => parseExecutionRequest(infinite, () => {}), { code: 'validation_failed' })
})

test('unknown keys are told and ignored, a prototype among them', () => {
  const told: string[] = []
  const body = Buffer.from('{"id":"a","input":"x","__proto__":{"runtime":"x"},"ID":1,"resource":{"disk":1,"cpu":2}}')
  const { task } = parseExecutionRequest(body, (key) => told.push(key))
  assert.deepEqual(told, ['__proto__', 'ID', 'disk'])
  assert.deepEqual([task.image, task.isolation, task.resources.cpuMillis], ['a', 'container', 2000])
})
