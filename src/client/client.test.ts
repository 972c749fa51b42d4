import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { openV1Node } from '../http/v1/v1-node.fixture.ts'
import { ErrandClient, type ExecutionView } from './client.ts'

const node = await openV1Node()
after(() => node[Symbol.asyncDispose]())
const token = (await node.token('ann', 'read', 'submit')).replace('Bearer ', '')
const url = `http://127.0.0.1:${node.ports.token}`
const errand = new ErrandClient({ url, token })
after(() => errand.close())
const owner = new ErrandClient({ url: `unix://${node.socketPath}` })
after(() => owner.close())

/** Resolves with its id once it runs. */
async function beginForever(): Promise<string> {
  const { id } = await errand.executions.submit({ task: { image: 'forever' } })
  for await (const event of errand.events({ since: 0 })) {
    if (event.name !== 'execution' || event.execution.execution !== id) continue
    if (event.execution.status === 'running') return id
  }
  throw new Error('the events ended')
}

test('work is submitted, waited for, listed, read and removed', async () => {
  const view = await errand.executions.run({
    task: { image: 'hello', resources: { memory: '64MiB' } },
    labels: { a: 'b' },
  })
  assert.deepEqual([view.status, view.reason, view.exitCode], ['failed', 'exit_nonzero', 3])
  assert.equal(view.resources.asked.memory, 64 * 1024 ** 2)
  assert.deepEqual(await errand.executions.get(view.id), view)
  const lines = await Array.fromAsync(errand.executions.logs(view.id))
  assert.deepEqual(
    lines.map(({ seq, stream, data, base64 }) => [seq, stream, data, base64]),
    [
      [1, 'stdout', 'hello\n', undefined],
      [2, 'stderr', '\ufffd\n', '/wo='],
    ],
  )
  assert.equal(await errand.executions.remove(view.id), undefined)
  await assert.rejects(errand.executions.get(view.id), { name: 'ErrandError', code: 'not_found' })
})

test('a running execution is frozen, thawed, entered, measured and ended', async () => {
  const id = await beginForever()
  assert.equal((await errand.executions.pause(id)).status, 'paused')
  assert.equal((await errand.executions.resume(id)).status, 'running')
  assert.deepEqual(await errand.executions.exec(id, ['a', 'b c']), {
    exitCode: 7,
    stdout: 'a b c',
    stderr: '',
    truncated: { stdout: false, stderr: false },
  })
  assert.match((await errand.executions.stats(id)).time, /Z$/)
  const waiting = errand.executions.wait(id)
  assert.equal((await errand.executions.cancel(id, { graceMs: 0 })).id, id)
  assert.equal((await waiting).status, 'cancelled')
  await assert.rejects(errand.executions.cancel(id), { code: 'already_ended' })
})

test('a list goes on over pages, and from the cursor of one', async () => {
  const bob = new ErrandClient({ url, token: (await node.token('bob', 'read', 'submit')).replace('Bearer ', '') })
  await using _bob = bob
  const ids: string[] = []
  for (let round = 0; round < 5; round += 1) ids.unshift((await bob.executions.run({ task: { image: 'hello' } })).id)
  const idsOf = (views: readonly ExecutionView[]): string[] => views.map(({ id }) => id)
  assert.deepEqual(idsOf(await Array.fromAsync(bob.executions.list({ limit: 2, status: ['failed', 'lost'] }))), ids)
  const { executions, cursor = '' } = await bob.executions.page({ limit: 2 })
  assert.deepEqual(idsOf(executions), ids.slice(0, 2))
  assert.deepEqual(idsOf(await Array.fromAsync(bob.executions.list({ cursor }))), ids.slice(2))
  assert.deepEqual(await Array.fromAsync(bob.executions.list({ status: ['running'] })), [])
})

test('the same key stands for the same execution, and for no other', async () => {
  const body = { task: { image: 'hello' } }
  const first = await errand.executions.submit(body, { idempotencyKey: 'k1' })
  assert.equal((await errand.executions.submit(body, { idempotencyKey: 'k1' })).id, first.id)
  assert.notEqual((await errand.executions.submit(body)).id, (await errand.executions.submit(body)).id)
  const other = errand.executions.submit({ ...body, priority: 1 }, { idempotencyKey: 'k1' })
  await assert.rejects(other, { code: 'key_conflict' })
})

test('a wait that lasts too long is given up, and the execution runs on', async () => {
  const id = await beginForever()
  await assert.rejects(errand.executions.wait(id, { timeoutMs: 1 }), { code: 'deadline_exceeded' })
  assert.equal((await errand.executions.get(id)).status, 'running')
  await errand.executions.remove(id)
})

test('what the node refuses is thrown with all that it says', async () => {
  const wrong = errand.executions.submit({ task: { image: '' }, timeoutMs: -1 })
  await assert.rejects(wrong, ({ code, details }) => {
    assert.equal(code, 'validation_failed')
    assert.deepEqual(details.problems.map(({ path }: { path: string }) => path).toSorted(), ['task.image', 'timeoutMs'])
    return true
  })
  await assert.rejects(errand.node.pause(), { code: 'forbidden', details: { scope: 'operate' } })
  for (const id of ['', '..', 'A', '../node', 'x/y', '%2e']) {
    await assert.rejects(errand.executions.get(id), { code: 'validation_failed' }, id)
  }
})

test('whoever may open the socket needs no token, and sees and does all', async () => {
  const { id } = await errand.executions.run({ task: { image: 'hello' } })
  assert.equal((await owner.executions.get(id)).caller, 'ann')
  const paused = await owner.node.pause()
  assert.deepEqual([paused.state, (await errand.node.get()).state], ['paused', 'paused'])
  await assert.rejects(errand.executions.submit({ task: { image: 'hello' } }), { code: 'paused' })
  assert.equal((await owner.node.unpause()).state, 'serving')
})

test('events tell every change, from a place on', async () => {
  const { id } = await errand.executions.run({ task: { image: 'hello' } })
  const statuses: string[] = []
  for await (const event of errand.events({ since: 0 })) {
    assert.ok(event.name === 'execution')
    if (event.execution.execution === id) statuses.push(event.execution.status)
    if (statuses.includes('failed')) break
  }
  assert.deepEqual(statuses, ['accepted', 'queued', 'pulling', 'creating', 'running', 'finalizing', 'failed'])
  for await (const event of errand.events({ since: 999_999_999 })) {
    assert.deepEqual(event, { name: 'gap' })
    break
  }
})
