import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { openV1Node, problemIn } from './v1-node.fixture.ts'

const node = await openV1Node()
after(() => node[Symbol.asyncDispose]())

/** The fields that a body is refused for. */
async function refused(asked: string, body: object): Promise<string[]> {
  const answer = await node.call(undefined, asked, body)
  assert.equal(answer.status, 400, answer.text)
  const { details, detail } = problemIn(answer)
  const paths = (details as { problems: { path: string }[] }).problems.map(({ path }) => path)
  assert.ok(detail.includes(paths[0] ?? '-'), detail)
  return paths
}

test('a body is refused for the fields that are in it, not for those that the service makes of them', async () => {
  const task = (more: object): Promise<string[]> => {
    return refused('POST /v1/executions', { task: { image: 'hello', network: 'internal', ...more } })
  }
  assert.deepEqual(await task({ cmd: ['ok', 'a\0b'] }), ['task.cmd.1'])
  assert.deepEqual(await task({ entrypoint: ['a\0b'], user: 'a b' }), ['task.entrypoint.0', 'task.user'])
  assert.deepEqual(await task({ workingDir: 'here' }), ['task.workingDir'])
  assert.deepEqual(await task({ env: { FINE: 'x', BAD: 'a\0b' } }), ['task.env.BAD'])
  assert.deepEqual(await task({ ports: [{ port: 80, hostIp: 'here' }] }), ['task.ports.0.hostIp'])
  assert.deepEqual(await task({ network: 'none', ports: [{ port: 80 }] }), ['task.ports'])
  assert.deepEqual(await task({ provision: [{ name: '../x', content: '' }] }), ['task.provision.0.name'])
  assert.deepEqual(await task({ resources: { memory: 1 } }), ['task.resources.memory'])
  assert.deepEqual(await task({ resources: { disk: '2000GiB' } }), ['task.resources.disk'])
  assert.deepEqual(await task({ preset: 'root' }), ['task.preset'])
  const engineSpec = { type: 'docker', params: { image: 'hello', working_directory: 'here' } }
  assert.deepEqual(await refused('POST /v1/executions', { engineSpec }), ['engineSpec.params.working_directory'])
  const resources = { disk: '2000GiB' }
  assert.deepEqual(await refused('PUT /v1/tasks/a', { image: 'hello', resources }), ['resources.disk'])
})

test('the name of a variable holds no =, which would make another one of it', async () => {
  for (const name of ['A=B', '', 'A\0', 'A B']) {
    const answer = await node.call(undefined, 'POST /v1/executions', { task: { image: 'hello', env: { [name]: 'x' } } })
    assert.deepEqual([answer.status, problemIn(answer).code], [400, 'validation_failed'], JSON.stringify(name))
  }
})

test('a network that the operator does not grant is forbidden, naming the key', async () => {
  const answer = await node.call(undefined, 'POST /v1/executions', { task: { image: 'hello', network: 'egress' } })
  const { code, detail } = problemIn(answer)
  assert.deepEqual([answer.status, code], [403, 'forbidden'])
  assert.match(detail, /executions\.network/)
})

test('a cursor that was never handed out is refused by every list', async () => {
  for (const list of ['executions', 'tasks', 'invocations']) {
    for (const cursor of ['x', 'YQ', '_____', 'Lg']) {
      const answer = await node.call(undefined, `GET /v1/${list}?cursor=${cursor}`)
      assert.deepEqual([answer.status, problemIn(answer).code], [400, 'validation_failed'], `${list} ${cursor}`)
    }
  }
  for (const name of ['a', 'b', 'c']) await node.call(undefined, `PUT /v1/tasks/${name}`, { image: 'hello' })
  const page = JSON.parse((await node.call(undefined, 'GET /v1/tasks?limit=2')).text) as { cursor: string }
  const next = JSON.parse((await node.call(undefined, `GET /v1/tasks?cursor=${page.cursor}`)).text) as {
    tasks: unknown[]
  }
  assert.equal(next.tasks.length, 1)
})
