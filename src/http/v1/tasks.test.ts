import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { InstanceList, InstanceView } from '../contract/instance-view.ts'
import type { TaskPage, TaskView } from '../contract/task-view.ts'
import type { Answer } from '../wire-kit.fixture.ts'
import { openV1Node, problemIn, type V1Node } from './v1-node.fixture.ts'

const options = { timeout: 60_000 }
const CANARY = 'canary-3f9c'
const ECHO = { serve: (_request: unknown, response: { end(text: string): void }) => response.end('hi') }

function read<T>({ text }: Answer): T {
  return JSON.parse(text)
}

async function openNode(): Promise<V1Node> {
  return openV1Node({ echo: ECHO })
}

async function instances(node: V1Node, token: string): Promise<readonly InstanceView[]> {
  return read<InstanceList>(await node.call(token, 'GET /v1/instances')).instances
}

async function untilGone(node: V1Node, token: string): Promise<void> {
  while ((await instances(node, token)).length > 0) await new Promise(setImmediate)
}

describe('a named task on /v1', options, () => {
  test('is defined, read, defined anew and removed', async () => {
    await using node = await openNode()
    const ada = await node.token('ada', 'read', 'submit')
    const body = {
      image: 'echo',
      cmd: ['serve'],
      env: { MODE: 'fast' },
      resources: { cpu: 0.5, memory: '64MiB', disk: '1GiB' },
      concurrency: 'unlimited',
      keepAliveMs: 1000,
    }
    const made = await node.call(ada, 'PUT /v1/tasks/hello', body)
    assert.deepEqual([made.status, made.headers.location], [201, '/v1/tasks/hello'])
    const view = read<TaskView>(made)
    assert.deepEqual(view, {
      name: 'hello',
      caller: 'ada',
      created: view.created,
      updated: view.created,
      image: 'echo',
      cmd: ['serve'],
      env: ['MODE'],
      resources: { cpu: 0.5, memory: 64 * 2 ** 20, disk: 2 ** 30, gpus: [] },
      isolation: 'container',
      sgx: false,
      readiness: 'connect',
      concurrency: 'unlimited',
      keepAliveMs: 1000,
    })
    assert.deepEqual(read(await node.call(ada, 'GET /v1/tasks/hello')), view)
    const again = await node.call(ada, 'PUT /v1/tasks/hello', { image: 'echo' })
    assert.deepEqual([again.status, read<TaskView>(again).created], [200, view.created])
    assert.equal((await node.call(ada, 'DELETE /v1/tasks/hello')).status, 204)
    assert.equal((await node.call(ada, 'GET /v1/tasks/hello')).status, 404)
    assert.equal((await node.call(ada, 'DELETE /v1/tasks/hello')).status, 404)
  })

  test('keeps the values of its environment to itself, refusals included', async () => {
    await using node = await openNode()
    const ada = await node.token('ada', 'read', 'submit')
    const env = { KEY: CANARY }
    const answers = [
      await node.call(ada, 'PUT /v1/tasks/hello', { image: 'echo', env }),
      await node.call(ada, 'PUT /v1/tasks/hello', { image: 'echo', env, port: 0 }),
      await node.call(ada, 'GET /v1/tasks/hello/invoke'),
      await node.call(ada, 'GET /v1/tasks'),
      await node.call(ada, 'GET /v1/instances'),
    ]
    assert.deepEqual(
      answers.map(({ status }) => status),
      [201, 400, 200, 200, 200],
    )
    for (const { text } of answers) assert.ok(!text.includes(CANARY), text)
  })

  test('is its caller’s own: for others it is not there, and admin sees all', async () => {
    await using node = await openNode()
    const [ada, eve, root] = [
      await node.token('ada', 'read', 'submit'),
      await node.token('eve', 'read', 'submit'),
      await node.token('root', 'admin'),
    ]
    await node.call(ada, 'PUT /v1/tasks/hello', { image: 'echo' })
    assert.equal((await node.call(ada, 'GET /v1/tasks/hello/invoke')).status, 200)
    const [instance] = await instances(node, ada)
    assert.equal(instance?.task, 'hello')
    for (const asked of [
      'GET /v1/tasks/hello',
      'GET /v1/tasks/hello?caller=ada',
      'DELETE /v1/tasks/hello',
      'DELETE /v1/tasks/hello?caller=ada',
      'GET /v1/tasks/hello/invoke',
      'POST /v1/tasks/hello/invoke/x',
      `GET /v1/instances/${instance?.id}`,
      `DELETE /v1/instances/${instance?.id}`,
    ]) {
      const refused = await node.call(eve, asked)
      assert.deepEqual([refused.status, problemIn(refused).code], [404, 'not_found'], asked)
    }
    assert.deepEqual(read<TaskPage>(await node.call(eve, 'GET /v1/tasks')).tasks, [])
    assert.deepEqual(await instances(node, eve), [])
    assert.equal(read<TaskPage>(await node.call(root, 'GET /v1/tasks')).tasks[0]?.caller, 'ada')
    assert.equal((await node.call(root, 'GET /v1/tasks/hello')).status, 404)
    assert.equal((await node.call(root, 'GET /v1/tasks/hello?caller=ada')).status, 200)
    assert.deepEqual(
      (await instances(node, root)).map(({ id }) => id),
      [instance?.id],
    )
    assert.equal((await node.call(root, 'DELETE /v1/tasks/hello?caller=ada')).status, 204)
  })

  test('needs the scopes that it says', async () => {
    await using node = await openNode()
    const [reader, writer] = [await node.token('a', 'read'), await node.token('b', 'submit')]
    for (const asked of ['PUT /v1/tasks/x', 'DELETE /v1/tasks/x', 'GET /v1/tasks/x/invoke', 'DELETE /v1/instances/x']) {
      assert.equal((await node.call(reader, asked)).status, 403, asked)
    }
    for (const asked of ['GET /v1/tasks', 'GET /v1/tasks/x', 'GET /v1/instances', 'GET /v1/instances/x']) {
      assert.equal((await node.call(writer, asked)).status, 403, asked)
    }
  })

  test('is refused with all that is wrong with it', async () => {
    await using node = await openNode()
    const token = await node.token('ada', 'submit')
    const refused = await node.call(token, 'PUT /v1/tasks/hello', { image: 'echo', privileged: true, port: 0, env: [] })
    const { code, details } = problemIn(refused)
    assert.deepEqual([refused.status, code], [400, 'validation_failed'])
    const { problems } = details as { problems: { path: string }[] }
    assert.deepEqual(problems.map(({ path }) => path).toSorted(), ['', 'env', 'port'])
    assert.equal((await node.call(token, 'PUT /v1/tasks/Hello', { image: 'echo' })).status, 404)
    const huge = await node.call(token, 'PUT /v1/tasks/huge', { image: 'echo', resources: { memory: '900GiB' } })
    assert.deepEqual([huge.status, problemIn(huge).code], [422, 'resources_unsatisfiable'])
    const preset = await node.call(token, 'PUT /v1/tasks/big', { image: 'echo', preset: 'big-shm' })
    assert.deepEqual([preset.status, problemIn(preset).code], [400, 'validation_failed'])
  })

  test('A35: publishes no port, and the refusal says so', async () => {
    await using node = await openNode()
    const token = await node.token('ada', 'submit')
    const refused = await node.call(token, 'PUT /v1/tasks/hello', { image: 'echo', ports: [{ port: 80 }] })
    const { code, details } = problemIn(refused)
    const problems = [
      {
        path: 'ports',
        message: 'no port is published for a named task, which may have many instances: it is asked by its name',
      },
    ]
    assert.deepEqual([refused.status, code, details], [400, 'validation_failed', { problems }])
  })

  test('is told page by page', async () => {
    await using node = await openNode()
    const token = await node.token('ada', 'read', 'submit')
    for (const name of ['c', 'a', 'b']) await node.call(token, `PUT /v1/tasks/${name}`, { image: 'echo' })
    const first = read<TaskPage>(await node.call(token, 'GET /v1/tasks?limit=2'))
    const second = read<TaskPage>(await node.call(token, `GET /v1/tasks?limit=2&cursor=${first.cursor}`))
    assert.deepEqual(
      [first, second].map(({ tasks }) => tasks.map(({ name }) => name)),
      [['a', 'b'], ['c']],
    )
    assert.equal(second.cursor, undefined)
  })

  test('that is defined anew answers as the new one, with another instance', async () => {
    await using node = await openV1Node({
      echo: ECHO,
      other: { serve: (_request, response) => void response.end('other') },
    })
    const token = await node.token('ada', 'read', 'submit')
    await node.call(token, 'PUT /v1/tasks/hello', { image: 'echo' })
    assert.equal((await node.call(token, 'GET /v1/tasks/hello/invoke')).text, 'hi')
    await node.call(token, 'PUT /v1/tasks/hello', { image: 'other' })
    const answered = await node.call(token, 'GET /v1/tasks/hello/invoke')
    assert.equal(answered.text, 'other')
    while ((await instances(node, token)).length > 1) await new Promise(setImmediate)
    const [left] = await instances(node, token)
    assert.deepEqual([left?.id, left?.image.reference], [answered.headers['errand-instance'], 'other'])
    await node.call(token, 'DELETE /v1/tasks/hello')
    await untilGone(node, token)
  })
})

describe('a warm instance on /v1', options, () => {
  test('is told about and removed', async () => {
    await using node = await openNode()
    const token = await node.token('ada', 'read', 'submit')
    await node.call(token, 'PUT /v1/tasks/hello', { image: 'echo', resources: { cpu: 0.5 } })
    const { headers } = await node.call(token, 'GET /v1/tasks/hello/invoke')
    const id = String(headers['errand-instance'])
    const view = read<InstanceView>(await node.call(token, `GET /v1/instances/${id}`))
    assert.deepEqual(view, {
      id,
      caller: 'ada',
      task: 'hello',
      image: view.image,
      state: 'idle',
      active: 0,
      answered: 1,
      ageMs: view.ageMs,
      ...(view.idleMs !== undefined && { idleMs: view.idleMs }),
      resources: { cpu: 0.5, memory: 128 * 2 ** 20, gpus: 0 },
    })
    assert.equal((await node.call(token, `DELETE /v1/instances/${id}`)).status, 202)
    await untilGone(node, token)
    assert.equal((await node.call(token, `DELETE /v1/instances/${id}`)).status, 404)
    assert.equal((await node.call(token, 'GET /v1/tasks/hello/invoke')).status, 200)
  })
})
