import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import type { TaskView } from '../contract/task-view.ts'
import { openV1Node, problemIn, viewOf } from './v1-node.fixture.ts'

const ECHO = { serve: (_request: unknown, response: { end(text: string): void }) => response.end('hi') }
const SGX = ['sgx.enable=true', 'sgx.sgx_device=/dev/null', 'sgx.aesmd_path=/run/aesmd']
const offering = await openV1Node({ echo: ECHO }, undefined, [
  ...SGX,
  // The fake engine has no other: what stands for gVisor does not matter here.
  'isolation.gvisorRuntime=runc',
  'executions.publishAddresses=[127.0.0.1, "0:0:0:0:0:0:0:1"]',
])
const plain = await openV1Node({ echo: ECHO })
after(async () => {
  await plain[Symbol.asyncDispose]()
  await offering[Symbol.asyncDispose]()
})

type Asked = readonly [status: number, code: string, detail: string, details: unknown]

async function asked(node: typeof plain, surroundings: object): Promise<Asked[]> {
  const answers = [
    await node.call(undefined, 'POST /v1/executions', { task: { image: 'hello', ...surroundings } }),
    await node.call(undefined, 'PUT /v1/tasks/echo', { image: 'echo', ...surroundings }),
  ]
  return answers.map((answer) => {
    const { code, detail, details } = problemIn(answer)
    return [answer.status, code, detail, details]
  })
}

async function end(id: string): Promise<void> {
  await offering.call(undefined, `POST /v1/executions/${id}/cancel`, { graceMs: 0 })
}

describe('isolation and SGX on /v1', () => {
  test('are taken where they are offered, and told', async () => {
    for (const [more, told] of [
      [{ isolation: 'gvisor' }, { isolation: 'gvisor', sgx: false }],
      [{ sgx: true }, { isolation: 'container', sgx: true }],
      [{}, { isolation: 'container', sgx: false }],
    ] as const) {
      const answer = await offering.call(undefined, 'POST /v1/executions', { task: { image: 'forever', ...more } })
      const { id, isolation, sgx } = viewOf(answer)
      assert.deepEqual([answer.status, { isolation, sgx }], [201, told], answer.text)
      await end(id)
      const task = await offering.call(undefined, 'PUT /v1/tasks/echo', { image: 'echo', ...more })
      const view = JSON.parse(task.text) as TaskView
      assert.deepEqual({ isolation: view.isolation, sgx: view.sgx }, told, task.text)
      assert.equal((await offering.call(undefined, 'GET /v1/tasks/echo/invoke')).text, 'hi')
    }
  })

  test('are refused as runtime_unavailable where they are not to be had, and nothing weaker is used', async () => {
    for (const [node, more, reason] of [
      [plain, { isolation: 'gvisor' }, /no runtime called runsc/],
      [plain, { isolation: 'microvm' }, /microVM_runtime is not set/],
      [plain, { sgx: true }, /sgx\.enable is not set/],
      [offering, { sgx: true, isolation: 'gvisor' }, /not to be had under gVisor/],
    ] as const) {
      for (const [status, code, detail] of await asked(node, more)) {
        assert.deepEqual([status, code], [422, 'runtime_unavailable'], detail)
        assert.match(detail, reason)
      }
    }
    assert.deepEqual(plain.engine.sandboxes, [])
  })
})

describe('GPUs on /v1', () => {
  test('are refused as resources_unsatisfiable, with what was asked for', async () => {
    const gpus = [{ count: 2, vendor: 'nvidia', model: 'A100', minMemory: '1GiB' }, { uuid: 'GPU-1' }]
    for (const [status, code, detail, details] of await asked(plain, { resources: { gpus } })) {
      assert.deepEqual([status, code], [422, 'resources_unsatisfiable'])
      assert.match(detail, /2 \(vendor nvidia, model A100, at least 1073741824 bytes of memory\) and 1 \(GPU-1\)$/)
      assert.deepEqual(details, {
        resource: 'gpus',
        asked: [{ count: 2, vendor: 'nvidia', model: 'A100', minMemoryBytes: 2 ** 30 }, { uuid: 'GPU-1' }],
        maximum: 0,
      })
    }
  })

  test('are none of a task that asks for none', async () => {
    const answer = await plain.call(undefined, 'POST /v1/executions', {
      task: { image: 'hello', resources: { gpus: [] } },
    })
    const { gpus, resources } = viewOf(answer)
    assert.deepEqual([gpus, resources.asked.gpus], [[], []])
  })

  test('that make no sense are invalid, whatever the node has', async () => {
    const one = { uuid: 'GPU-1' }
    for (const gpus of [1, 'all', [1], [{ count: 0 }], [{ count: 65 }], [{ vendor: 'acme' }], [{ index: 0 }]]) {
      for (const [, code] of await asked(plain, { resources: { gpus } })) {
        assert.equal(code, 'validation_failed', JSON.stringify(gpus))
      }
    }
    for (const gpus of [[{ ...one, count: 2 }], [one, one], [{ minMemory: 'much' }], [{ model: '\u001b[2J' }]]) {
      for (const [, code, detail] of await asked(plain, { resources: { gpus } })) {
        assert.equal(code, 'validation_failed', JSON.stringify(gpus))
        assert.match(detail, /resources\.gpus/)
      }
    }
  })
})

test('A35: a port is published where the operator allows it, and nowhere else', async () => {
  const submit = (node: typeof plain, hostIp?: string) => {
    const port = { port: 80, ...(hostIp !== undefined && { hostIp }) }
    return node.call(undefined, 'POST /v1/executions', {
      task: { image: 'forever', network: 'internal', ports: [port] },
    })
  }
  for (const hostIp of ['0.0.0.0', '::', '::1', '127.0.0.2', '10.0.0.5', '::ffff:127.0.0.1']) {
    const answer = await submit(plain, hostIp)
    assert.deepEqual([answer.status, problemIn(answer).code], [403, 'forbidden'], hostIp)
    assert.deepEqual(problemIn(answer).details, { hostIp, allowed: ['127.0.0.1'] })
  }
  for (const hostIp of [undefined, '127.0.0.1', '::1', '0:0:0:0:0:0:0:1']) {
    const answer = await submit(offering, hostIp)
    assert.equal(answer.status, 201, answer.text)
    await end(viewOf(answer).id)
  }
  assert.equal(problemIn(await submit(offering, '0.0.0.0')).code, 'forbidden')
  assert.equal(problemIn(await submit(offering, 'localhost')).code, 'validation_failed')
})
