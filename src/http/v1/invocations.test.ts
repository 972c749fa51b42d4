import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readdir, readFile, stat } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, test } from 'node:test'
import type { FakeScript } from '../../engine/fake/fake-engine.ts'
import { assertSigned, Receiver } from '../../webhooks/receiver.fixture.ts'
import type { InvocationPageView, InvocationView } from '../contract/invocation-view.ts'
import type { Answer } from '../wire-kit.fixture.ts'
import { openV1Node, problemIn, type V1Node } from './v1-node.fixture.ts'

const options = { timeout: 60_000 }
const LATER = { prefer: 'respond-async' }
const INVOKE = 'POST /v1/tasks/it/invoke'

/** Answers with what it was asked, and a status that is its own. */
const MIRROR: FakeScript = {
  serve: (request, response) => {
    const { method, url, headers } = request
    void text(request).then((body) => {
      response.writeHead(418, { 'content-type': 'a/b', 'set-cookie': 'x=y', 'x-own': '1' })
      response.end(JSON.stringify({ method, url, headers, body }))
    })
  },
}

/** A task whose requests a test answers. */
class Held {
  readonly script: FakeScript
  readonly #asked: ServerResponse[] = []
  #isReleased = false
  #more = Promise.withResolvers<void>()

  constructor() {
    this.script = {
      serve: (request: IncomingMessage, response: ServerResponse) => {
        request.resume()
        this.#asked.push(response)
        if (this.#isReleased) response.end('done')
        this.#more.resolve()
        this.#more = Promise.withResolvers()
      },
    }
  }

  get count(): number {
    return this.#asked.length
  }

  /** Answers all that come, and have come. */
  release(): void {
    this.#isReleased = true
    for (const response of this.#asked.filter((each) => !each.writableEnded)) response.end('done')
  }

  /** The nth that the task has got, counted from 0. */
  async request(index: number): Promise<ServerResponse> {
    for (;;) {
      const found = this.#asked[index]
      if (found !== undefined) return found
      await this.#more.promise
    }
  }
}

async function openWith(script: FakeScript, settings: readonly string[] = []): Promise<{ node: V1Node; ada: string }> {
  const node = await openV1Node({ it: script }, undefined, settings)
  const ada = await node.token('ada', 'read', 'submit')
  assert.equal((await node.call(ada, 'PUT /v1/tasks/it', { image: 'it' })).status, 201)
  return { node, ada }
}

function read({ text: body }: Answer): InvocationView {
  return JSON.parse(body)
}

async function invoke(
  node: V1Node,
  token: string,
  headers = {},
  asked = INVOKE,
  body: object = {},
): Promise<InvocationView> {
  const answer = await node.call(token, asked, body, { ...LATER, ...headers })
  assert.equal(answer.status, 202, answer.text)
  const view = read(answer)
  assert.equal(answer.headers.location, `/v1/invocations/${view.id}`)
  assert.equal(answer.headers['preference-applied'], 'respond-async')
  return view
}

async function ended(node: V1Node, token: string, id: string): Promise<InvocationView> {
  const answer = await node.call(token, `GET /v1/invocations/${id}/wait?timeout=50s`)
  assert.equal(answer.status, 200, answer.text)
  return read(answer)
}

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

describe('requests for later', options, () => {
  test('that are sent again with a key are no others, whatever is the matter; other requests conflict', async () => {
    const held = new Held()
    const { node, ada } = await openWith(held.script, ['invocations.queueLimit=1', 'invocations.concurrency=1'])
    await using _node = node
    const key = { 'idempotency-key': 'k' }
    const first = await invoke(node, ada, key)
    await held.request(0)
    await invoke(node, ada)
    const full = await node.call(ada, INVOKE, {}, LATER)
    assert.deepEqual([full.status, problemIn(full).code], [429, 'queue_full'])
    assert.equal((await invoke(node, ada, key)).id, first.id)
    for (const [asked, body] of [
      [INVOKE, { other: 1 }],
      [`${INVOKE}/x`, {}],
    ] as const) {
      const conflict = await node.call(ada, asked, body, { ...LATER, ...key })
      assert.deepEqual([conflict.status, problemIn(conflict).code], [409, 'key_conflict'])
    }
    assert.equal(held.count, 1)
    held.release()
  })

  test('of two that come at once with one key are one', async () => {
    const { node, ada } = await openWith(MIRROR)
    await using _node = node
    const both = await Promise.all([1, 2, 3].map(() => invoke(node, ada, { 'idempotency-key': 'k' })))
    assert.equal(new Set(both.map(({ id }) => id)).size, 1)
    assert.equal((await readdir(join(node.stateDir, 'invocations'))).length, 1)
  })

  test('have keys that are each caller’s own', async () => {
    const { node, ada } = await openWith(MIRROR)
    await using _node = node
    const eve = await node.token('eve', 'read', 'submit')
    await node.call(eve, 'PUT /v1/tasks/it', { image: 'it' })
    const key = { 'idempotency-key': 'k' }
    const mine = await invoke(node, ada, key)
    const theirs = await invoke(node, eve, key, INVOKE, { other: 1 })
    assert.notEqual(mine.id, theirs.id)
  })

  test('of one caller are so many, and leave room for others; a caller with few goes first', async () => {
    const held = new Held()
    const { node, ada } = await openWith(held.script, ['invocations.concurrency=2', 'invocations.callerQueueLimit=3'])
    await using _node = node
    const eve = await node.token('eve', 'read', 'submit')
    await node.call(eve, 'PUT /v1/tasks/it', { image: 'it' })
    for (let index = 0; index < 5; index += 1) await invoke(node, ada)
    assert.equal((await node.call(ada, INVOKE, {}, LATER)).status, 429)
    const { id } = await invoke(node, eve)
    const first = await held.request(0)
    first.end('done')
    const third = await held.request(2)
    assert.equal(read(await node.call(eve, `GET /v1/invocations/${id}`)).status, 'running')
    third.end('done')
    held.release()
  })

  test('that are too large, or not well said, are refused, and nothing is kept of them', async () => {
    const { node, ada } = await openWith(MIRROR, ['invocations.maxRequestBytes=10'])
    await using _node = node
    for (const [headers, body, status] of [
      [{}, { long: 'more than ten bytes' }, 413],
      [{ 'transfer-encoding': 'chunked' }, { long: 'more than ten bytes' }, 413],
      [{ 'errand-idempotent': 'yes' }, {}, 400],
      [{ 'idempotency-key': 'a b' }, {}, 400],
      [{ 'errand-webhook': 'https://example.org/' }, {}, 403],
      [{ 'errand-webhook': 'nothing' }, {}, 400],
    ] as const) {
      assert.equal(
        (await node.call(ada, INVOKE, body, { ...LATER, ...headers })).status,
        status,
        JSON.stringify(headers),
      )
    }
    assert.deepEqual(await readdir(join(node.stateDir, 'invocations')), [])
  })

  test('tell no webhook unless they are for later: that is refused, and the task is not told of it', async () => {
    const held = new Held()
    const { node, ada } = await openWith(held.script)
    await using _node = node
    const answer = await node.call(ada, INVOKE, {}, { 'errand-webhook': 'https://hooks.example/s3cret' })
    assert.deepEqual([answer.status, problemIn(answer).code, held.count], [400, 'validation_failed', 0])
    assert.ok(!answer.text.includes('s3cret'))
  })

  test('wait while the node is paused, and are answered when it is not any more', async () => {
    const held = new Held()
    const { node, ada } = await openWith(held.script, ['invocations.concurrency=1'])
    await using _node = node
    const operator = await node.token('op', 'operate', 'read')
    const first = await invoke(node, ada)
    const second = await invoke(node, ada)
    const task = await held.request(0)
    const paused = node.call(operator, 'POST /v1/node/pause')
    while ((await node.call(ada, INVOKE, {}, LATER)).status !== 503) await new Promise(setImmediate)
    task.end('done')
    assert.equal((await paused).status, 200)
    assert.equal((await ended(node, ada, first.id)).status, 'answered')
    assert.equal(read(await node.call(ada, `GET /v1/invocations/${second.id}`)).status, 'queued')
    await node.call(operator, 'POST /v1/node/unpause')
    const next = await held.request(1)
    next.end('done')
    assert.equal((await ended(node, ada, second.id)).status, 'answered')
  })

  test('that wait are kept by a drain, which ends as soon as the answers of those under way are kept', async () => {
    const held = new Held()
    const { node, ada } = await openWith(held.script, ['invocations.concurrency=1'])
    await using _node = node
    const operator = await node.token('op', 'operate', 'read')
    const first = await invoke(node, ada)
    const second = await invoke(node, ada)
    const task = await held.request(0)
    const drain = (timeout: string): Promise<Answer> => node.call(operator, `POST /v1/node/drain?timeout=${timeout}`)
    assert.equal((await drain('10ms')).status, 202)
    const drained = drain('50s')
    task.end('done')
    assert.equal((await drained).status, 200)
    const statusOf = async ({ id }: InvocationView): Promise<string> =>
      read(await node.call(ada, `GET /v1/invocations/${id}`)).status
    assert.deepEqual([await statusOf(first), await statusOf(second)], ['answered', 'queued'])
    await node.call(operator, 'POST /v1/node/unpause')
    held.release()
    assert.equal((await ended(node, ada, second.id)).status, 'answered')
  })

  test('tell their webhook', async () => {
    await using receiver = await Receiver.open((index) => (index === 0 ? 500 : 200))
    const allowed = [`webhooks.allow=["http://127.0.0.1:${receiver.port}"]`, 'webhooks.privateAddresses=["127.0.0.1"]']
    const { node, ada } = await openWith(MIRROR, [...allowed, 'invocations.retentionMs=1'])
    await using _node = node
    const { id } = await invoke(node, ada, { 'errand-webhook': receiver.url })
    const [first, second] = await receiver.first(2)
    assert.ok(first && second)
    assertSigned(await readFile(join(node.stateDir, 'webhook-secret'), 'utf8'), second)
    assert.equal(first.headers['webhook-id'], second.headers['webhook-id'])
    const { type, data } = JSON.parse(second.body)
    assert.deepEqual([type, data.id, data.response.status], ['invocation.answered', id, 418])
    // Kept for a moment only, but not before it was told.
    while ((await readdir(join(node.stateDir, 'invocations'))).length > 0) await new Promise(setImmediate)
  })
})
