import assert from 'node:assert/strict'
import { test } from 'node:test'
import { executionBody } from '../contract/execution-body.ts'
import { idempotencyKey, toExecutionRequest } from './execution-request.ts'

test('a task becomes a request of the Docker Engine, field by field', () => {
  const body = executionBody.parse({
    id: 'a',
    job: 'b',
    task: {
      image: 'i',
      entrypoint: ['/e'],
      cmd: ['c', ''],
      env: { A: '1', B: 'x=y' },
      workingDir: '/w',
      user: 'u:g',
      resources: {
        cpu: 0.5,
        memory: '1.5MiB',
        disk: 4096,
        pids: 7,
        gpus: [{ count: 1, vendor: 'amd', model: 'M', minMemory: '1GiB', uuid: 'U' }, {}],
      },
      isolation: 'gvisor',
      sgx: true,
      network: 'egress',
      ports: [{ port: 80, protocol: 'tcp', hostIp: '127.0.0.1', hostPort: 8080 }, { port: 53 }],
      profile: 'strict',
      preset: 'big-shm',
      provision: [{ name: 's', content: 'eA==', encoding: 'base64', args: ['1'] }],
      stopSignal: 'SIGINT',
    },
    outputs: [{ path: '/o', name: 'n' }],
    priority: -3,
    timeoutMs: 1,
    queueTimeoutMs: 2,
    pullTimeoutMs: 3,
    graceMs: 4,
    retentionMs: 5,
    labels: { k: 'v' },
    limits: { logBytes: '1KiB', outputBytes: 6, outputFiles: 7 },
  })
  assert.deepEqual(toExecutionRequest(body), {
    executionId: 'a',
    jobId: 'b',
    engineSpec: {
      type: 'docker',
      params: {
        image: 'i',
        entrypoint: ['/e'],
        cmd: ['c', ''],
        environment: ['A=1', 'B=x=y'],
        working_directory: '/w',
        user: 'u:g',
      },
    },
    resources: {
      cpu: 0.5,
      memoryBytes: 1_572_864,
      diskBytes: 4096,
      pids: 7,
      gpus: [{ count: 1, vendor: 'amd', model: 'M', minMemoryBytes: 2 ** 30, uuid: 'U' }, {}],
    },
    isolation: 'gvisor',
    sgx: true,
    network: 'egress',
    portsToBind: [{ executorPort: 80, protocol: 'tcp', ip: '127.0.0.1', hostPort: 8080 }, { executorPort: 53 }],
    profile: 'strict',
    preset: 'big-shm',
    provisionScripts: [{ name: 's', content: 'eA==', encoding: 'base64', args: ['1'] }],
    stopSignal: 'SIGINT',
    outputs: [{ path: '/o', name: 'n' }],
    priority: -3,
    timeoutMs: 1,
    queueTimeoutMs: 2,
    pullTimeoutMs: 3,
    graceMs: 4,
    retentionMs: 5,
    labels: { k: 'v' },
    limits: { logBytes: 1024, outputBytes: 6, outputFiles: 7 },
  })
})

test('what is not said is not in the request', () => {
  const body = executionBody.parse({ engineSpec: { type: 'fake', params: { x: [1] } } })
  assert.deepEqual(toExecutionRequest(body), { engineSpec: { type: 'fake', params: { x: [1] } } })
})

test('a key comes with a digest of the body that knows no order of keys, but of items', () => {
  const digest = (body: object): string | undefined => idempotencyKey('k', body as Record<string, unknown>)?.digest
  assert.equal(digest({ a: 1, b: { c: [1, 2], d: null } }), digest({ b: { d: null, c: [1, 2] }, a: 1 }))
  const others = [{ a: 1, b: { c: [2, 1], d: null } }, { a: '1' }, { a: 1 }, {}, { a: [1] }, { a: { 0: 1 } }]
  assert.equal(new Set([...others, { a: 1, b: { c: [1, 2], d: null } }].map(digest)).size, 7)
  assert.equal(idempotencyKey(undefined, {}), undefined)
})
