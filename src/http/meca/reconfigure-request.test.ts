import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MIB } from '../../core/resources.ts'
import { MalformedRequest } from './fields.ts'
import { describeGrant, parseReconfigureRequest } from './reconfigure-request.ts'

function parse(fields: object, told: string[] = []): ReturnType<typeof parseReconfigureRequest> {
  const body = Buffer.from(JSON.stringify({ cpu: 4, mem: 4096, ...fields }))
  return parseReconfigureRequest(body, (key) => told.push(key))
}

test('what a reconfiguration does not say gets its default', () => {
  const least = { cpuMillis: 4000, memoryBytes: 4096 * MIB, keepAliveMs: 60_000, hasGpu: false }
  assert.deepEqual(parse({}), { ...least, microVmRuntime: undefined })
  assert.deepEqual(parse({ timeout: null, has_gpu: null, microVM_runtime: '' }), {
    ...least,
    microVmRuntime: undefined,
  })
})

test('a grant described is a request that asks for the same grant', () => {
  const grant = parse({ timeout: 0.25, cpu: 1.5, mem: 100, has_gpu: true, microVM_runtime: 'kata' })
  assert.deepEqual(parse(describeGrant(grant)), grant)
  assert.deepEqual(parse(describeGrant(parse({}))), parse({}))
})

test('type is ignored silently, other unknown keys are told', () => {
  const told: string[] = []
  parse({ type: 7, sgx: {} }, told)
  assert.deepEqual(told, ['sgx'])
})

test('cpu and mem must be there and above zero, and every type right', () => {
  const bodies = [
    { cpu: undefined },
    { cpu: 0 },
    { cpu: -1 },
    { mem: undefined },
    { mem: 0 },
    { cpu: '4' },
    { mem: [4096] },
    { timeout: '1' },
    { has_gpu: 'yes' },
    { microVM_runtime: 1 },
  ]
  for (const body of bodies) assert.throws(() => parse(body), MalformedRequest, JSON.stringify(body))
  assert.throws(() => parseReconfigureRequest(Buffer.from('[]'), () => {}), MalformedRequest)
})

test('a value that no node can have is refused as such', () => {
  for (const body of [{ cpu: 0.05 }, { mem: 1.5 }, { timeout: 0 }, { timeout: -1 }, { timeout: 1e9 }]) {
    assert.throws(() => parse(body), { code: 'validation_failed' }, JSON.stringify(body))
  }
})
