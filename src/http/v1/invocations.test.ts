import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import type { InvocationPageView } from '../contract/invocation-view.ts'
import type { Answer } from '../wire-kit.fixture.ts'
import { ended, Held, INVOKE, invoke, LATER, MIRROR, openWith, read } from './later-node.fixture.ts'
import { problemIn } from './v1-node.fixture.ts'

const options = { timeout: 60_000 }

describe('a request that is answered later', options, () => {
  test('gets to its task as it is, and its answer is there to be read', async () => {
    const { node, ada } = await openWith(MIRROR)
    await using _node = node
    const sent = { 'x-mine': 'kept', 'idempotency-key': 'k', 'errand-idempotent': 'false', cookie: 'a=b' }
    const view = await invoke(node, ada, sent, 'PUT /v1/tasks/it/invoke/a/b?x=1', { hello: 'task' })
    assert.deepEqual([view.task, view.method, view.caller, view.requestBytes], ['it', 'PUT', 'ada', 16])
    const over = await ended(node, ada, view.id)
    assert.equal(over.status, 'answered')
    assert.ok(over.times.ended !== undefined && over.times.begun !== undefined)
    const answer = await node.call(ada, `GET /v1/invocations/${view.id}/response`)
    const { 'errand-response-status': status, 'content-type': type, 'x-own': own } = answer.headers
    assert.deepEqual([answer.status, status, type, own], [200, '418', 'a/b', '1'])
    assert.deepEqual([answer.headers['set-cookie'], answer.headers['x-content-type-options']], [undefined, 'nosniff'])
    assert.match(String(answer.headers['content-security-policy']), /sandbox/)
    assert.ok(answer.headers['errand-instance'])
    assert.deepEqual(over.response, { status: 418, bytes: Buffer.byteLength(answer.text) })
    const seen = JSON.parse(answer.text)
    assert.deepEqual([seen.method, seen.url, seen.body], ['PUT', '/a/b?x=1', '{"hello":"task"}'])
    assert.equal(seen.headers['x-mine'], 'kept')
    for (const name of ['prefer', 'idempotency-key', 'errand-idempotent', 'authorization', 'cookie']) {
      assert.equal(seen.headers[name], undefined, name)
    }
  })

  test('is kept for its owner alone, and nothing of it is left when it is removed', async () => {
    const { node, ada } = await openWith(MIRROR)
    await using _node = node
    const { id } = await invoke(node, ada)
    await ended(node, ada, id)
    const folder = join(node.stateDir, 'invocations')
    for (const name of await readdir(join(folder, id))) {
      assert.equal((await stat(join(folder, id, name))).mode & 0o777, 0o600, name)
    }
    assert.equal((await stat(join(folder, id))).mode & 0o777, 0o700)
    assert.equal((await node.call(ada, `DELETE /v1/invocations/${id}`)).status, 204)
    assert.deepEqual(await readdir(folder), [])
    assert.equal((await node.call(ada, `GET /v1/invocations/${id}`)).status, 404)
  })

  test('may have no body, and none in its answer', async () => {
    const { node, ada } = await openWith({ serve: (_request, response) => void response.writeHead(204).end() })
    await using _node = node
    const answer = await node.call(ada, 'GET /v1/tasks/it/invoke', undefined, { prefer: 'wait=5, Respond-Async' })
    const { id } = read(answer)
    assert.deepEqual((await ended(node, ada, id)).response, { status: 204, bytes: 0 })
    assert.equal((await node.call(ada, `GET /v1/invocations/${id}/response`)).text, '')
  })

  test('is not there for another caller, on any route; an admin sees it', async () => {
    const { node, ada } = await openWith(MIRROR)
    await using _node = node
    const { id } = await invoke(node, ada)
    const eve = await node.token('eve', 'read', 'submit')
    const root = await node.token('root', 'admin')
    for (const asked of ['GET ', 'GET /wait', 'GET /response', 'DELETE ']) {
      const [method = '', rest = ''] = asked.split(' ')
      const look = (of: string): Promise<Answer> => node.call(eve, `${method} /v1/invocations/${of}${rest}`)
      const [theirs, none] = [await look(id), await look('no-such')]
      assert.deepEqual([theirs.status, theirs.text.replaceAll(id, 'no-such')], [404, none.text], asked)
    }
    const list = async (token: string): Promise<InvocationPageView> =>
      JSON.parse((await node.call(token, 'GET /v1/invocations')).text)
    assert.deepEqual(await list(eve), { invocations: [] })
    assert.deepEqual(
      (await list(root)).invocations.map((each) => each.id),
      [id],
    )
    assert.equal((await node.call(eve, INVOKE, {}, LATER)).status, 404, 'nor is its task')
  })

  test('is listed page by page, the youngest first', async () => {
    const { node, ada } = await openWith(MIRROR)
    await using _node = node
    const ids: string[] = []
    for (let index = 0; index < 5; index += 1) ids.push((await invoke(node, ada)).id)
    const seen: string[] = []
    let cursor = ''
    do {
      const page: InvocationPageView = JSON.parse((await node.call(ada, `GET /v1/invocations?limit=2${cursor}`)).text)
      seen.push(...page.invocations.map(({ id }) => id))
      cursor = page.cursor === undefined ? '' : `&cursor=${page.cursor}`
    } while (cursor !== '')
    assert.deepEqual(seen.toSorted(), ids.toSorted())
    const accepted = await Promise.all(
      seen.map(async (id) => read(await node.call(ada, `GET /v1/invocations/${id}`)).times.accepted),
    )
    assert.deepEqual(accepted, accepted.toSorted().reverse())
  })

  test('has no answer before it has ended, and none when it has failed', async () => {
    const held = new Held()
    const { node, ada } = await openWith(held.script, ['invocations.maxResponseBytes=10'])
    await using _node = node
    const { id } = await invoke(node, ada)
    const task = await held.request(0)
    assert.equal((await node.call(ada, `GET /v1/invocations/${id}/wait?timeout=1ms`)).status, 202)
    const early = await node.call(ada, `GET /v1/invocations/${id}/response`)
    assert.deepEqual([early.status, problemIn(early).code], [504, 'not_ready'])
    task.end('more than ten bytes')
    const over = await ended(node, ada, id)
    assert.deepEqual([over.status, over.failure?.code], ['failed', 'response_too_large'])
    assert.equal((await node.call(ada, `GET /v1/invocations/${id}/response`)).status, 404)
  })

  test('that its caller removes is broken off', async () => {
    const held = new Held()
    const { node, ada } = await openWith(held.script)
    await using _node = node
    const { id } = await invoke(node, ada)
    const task = await held.request(0)
    const closed = once(task, 'close')
    assert.equal((await node.call(ada, `DELETE /v1/invocations/${id}`)).status, 204)
    await closed
    assert.deepEqual(await readdir(join(node.stateDir, 'invocations')), [])
  })

  test('of a task that is gone by then has failed', async () => {
    const held = new Held()
    const { node, ada } = await openWith(held.script, ['invocations.concurrency=1'])
    await using _node = node
    const first = await invoke(node, ada)
    const second = await invoke(node, ada)
    const task = await held.request(0)
    assert.equal((await node.call(ada, 'DELETE /v1/tasks/it')).status, 204)
    task.end('done')
    assert.equal((await ended(node, ada, first.id)).status, 'answered')
    assert.equal((await ended(node, ada, second.id)).failure?.code, 'not_found')
  })
})
