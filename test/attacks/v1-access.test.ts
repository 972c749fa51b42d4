import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { Scope } from '../../src/http/contract/scope.ts'
import { V1_ROUTES } from '../../src/http/v1/routes.ts'
import { type Door, openV1Node, problemIn, viewOf } from '../../src/http/v1/v1-node.fixture.ts'
import { type Answer, type Ask, ask } from '../../src/http/wire-kit.fixture.ts'

const node = await openV1Node({ web: { serve: (_request, response) => void response.end('mine') } })
after(() => node[Symbol.asyncDispose]())
const TOKENS: Readonly<Record<Scope, string>> = {
  read: await node.token('reader', 'read'),
  submit: await node.token('submitter', 'submit'),
  operate: await node.token('operator', 'operate'),
  admin: await node.token('root', 'admin'),
}

const ROUTES = V1_ROUTES.map(({ operation: { method, path } }) => `${method} ${path}`)
/** What has no end of its own is asked for wrongly: that is found out only after the caller was let in. */
const ENDLESS = 'GET /v1/events'

function knock(door: Door, route: string, authorization?: string, more: Partial<Ask> = {}): Promise<Answer> {
  const [method = '', path = ''] = route.replace('{id}', 'no-such').split(' ')
  const headers = { ...(authorization !== undefined && { authorization }), ...more.headers }
  const asked = { method, ...more, path: route === ENDLESS ? `${path}?since=x` : path, headers }
  return door === 'unix' ? ask(0, { ...asked, socketPath: node.socketPath }) : ask(node.ports[door], asked)
}

test('A15: what is no token opens nothing, wherever it stands', async () => {
  const [, right = ''] = TOKENS.admin.split(' ')
  const [id = '', secret = ''] = right.split('.')
  const wrong = [
    '',
    'Bearer',
    'Bearer ',
    right,
    `Basic ${right}`,
    `Bearer ${id}`,
    `Bearer ${id}.`,
    `Bearer .${secret}`,
    `Bearer ${id}.${secret.slice(1)}`,
    `Bearer ${id}.${secret}A`,
    `Bearer ${id}.${'A'.repeat(43)}`,
    `Bearer reader.${secret}`,
    `Bearer __proto__.${secret}`,
    `Bearer ${id}.${secret}, Bearer ${id}.${secret}`,
    `Bearer ${id}.${secret.toUpperCase()}`,
  ]
  for (const authorization of wrong) {
    const { status, text } = await knock('token', 'GET /v1/node', authorization)
    assert.equal(status, 401, authorization)
    assert.ok(!text.includes(secret))
  }
  for (const more of [
    { cookie: `token=${right}` },
    { 'x-api-key': right },
    { 'proxy-authorization': `Bearer ${right}` },
  ]) {
    assert.equal((await knock('token', 'GET /v1/node', undefined, { headers: more })).status, 401)
  }
  const query = await ask(node.ports.token, { method: 'GET', path: `/v1/node?access_token=${right}&token=${right}` })
  assert.equal(query.status, 401)
  assert.equal((await knock('token', 'GET /v1/node', `bearer ${right}`)).status, 200, 'a scheme has no case')
})

test('A15: a token that was revoked opens nothing any more a moment later, while it is in use', async () => {
  const token = await node.token('short-lived', 'read')
  const status = async (): Promise<number> => (await knock('token', 'GET /v1/node', token)).status
  assert.equal(await status(), 200)
  await node.tokens.change((tokens) => tokens.filter(({ id }) => id !== 'short-lived'))
  const revokedMs = performance.now()
  while ((await status()) === 200) assert.ok(performance.now() - revokedMs < 1000, 'it was taken for a second')
  assert.equal(await status(), 401)
})

test('A15: guessing is told to wait, and shuts out nobody who knows', async () => {
  let last = await knock('token', 'GET /v1/node', `Bearer root.${'x'.repeat(43)}`)
  for (let i = 0; i < 12; i += 1) last = await knock('token', 'GET /v1/node', `Bearer root.${'x'.repeat(43)}`)
  assert.equal(last.status, 401)
  assert.ok(Number(last.headers['retry-after']) > 0)
  assert.ok((problemIn(last).retryAfterMs ?? 0) > 0)
  assert.equal((await knock('token', 'GET /v1/node', TOKENS.read)).status, 200)
})

test('A15: the MECA face is not behind the door with tokens, nor is /v1 open beside it', async () => {
  for (const path of ['/', '/stats', '/stop', '/pause', '/v1x', '/v2/executions']) {
    assert.equal((await ask(node.ports.token, { method: 'POST', path, body: '{}' })).status, 404, path)
  }
  for (const path of [
    '/v1',
    '/v1/',
    '/v1?x',
    '/V1/node',
    '//v1/node',
    '/./v1/node',
    '/v1//node',
    '/v1/node/',
    '/%761/node',
  ]) {
    assert.equal((await ask(node.ports.open, { method: 'GET', path })).status, 404, path)
  }
})

/** One thing of each kind that has a name of its own, by where it is; all of them can be seen by their caller. */
async function makeOneOfEach(caller: string): Promise<Readonly<Record<string, string>>> {
  const execution = await node.call(caller, 'POST /v1/executions', { task: { image: 'forever' } })
  assert.equal((await node.call(caller, 'PUT /v1/tasks/mine', { image: 'web' })).status, 201)
  const later = await node.call(caller, 'POST /v1/tasks/mine/invoke', {}, { prefer: 'respond-async' })
  const { id: invocation } = JSON.parse(later.text)
  assert.equal((await node.call(caller, `GET /v1/invocations/${invocation}/wait?timeout=30s`)).status, 200)
  const [instance] = JSON.parse((await node.call(caller, 'GET /v1/instances')).text).instances
  return { executions: viewOf(execution).id, tasks: 'mine', invocations: invocation, instances: instance.id }
}

/** What may be sent to a thing that is somebody else's. Whoever defines a task of that name has one of its own. */
function requestsTo(kind: string): string[] {
  const paths = ROUTES.filter((route) => route.includes(` /v1/${kind}/{`) && !route.startsWith('PUT /v1/tasks/'))
  const sent = paths.map((route) => route.replace('ANY ', 'POST ').replace('/{path...}', ''))
  const asOf = sent.filter((route) => route.endsWith('/v1/tasks/{name}')).map((route) => `${route}?caller=ann`)
  return [...sent, ...asOf]
}

test("A16: what is another caller's is not there, on any route", async () => {
  const ann = await node.token('ann', 'read', 'submit', 'operate')
  const eve = await node.token('eve', 'read', 'submit', 'operate')
  const own = await makeOneOfEach(ann)
  let sent = 0
  for (const [kind, id] of Object.entries(own)) {
    for (const route of requestsTo(kind)) {
      const body = route.endsWith('exec') ? { argv: ['x'] } : {}
      const send = (name: string): Promise<Answer> =>
        node.call(eve, route.replace(/\{[a-z]+\}/, name), route.startsWith('POST') ? body : undefined)
      const [theirs, none] = [await send(id), await send('no-such')]
      assert.deepEqual([theirs.status, theirs.text.replaceAll(id, 'no-such')], [404, none.text], route)
      sent += 1
    }
    assert.equal((await node.call(ann, `GET /v1/${kind}/${id}`)).status, 200, `${kind} are left as they are`)
    const { [kind]: listed } = JSON.parse((await node.call(eve, `GET /v1/${kind}`)).text)
    assert.deepEqual(listed, [], kind)
  }
  // What is the node's own is no caller's.
  const ofOneThing = ROUTES.filter((route) => route.includes('{') && !route.includes(' /v1/node/'))
  assert.equal(sent, ofOneThing.length - 1 + 2, 'all routes but the definition of a task, and two as another caller')
  const mine = own.executions ?? ''
  assert.equal(viewOf(await node.call(ann, `GET /v1/executions/${mine}`)).times.ended, undefined)
  const taken = await node.call(eve, 'POST /v1/executions', { id: mine, task: { image: 'hello' } })
  assert.equal(taken.status, 409)
  assert.deepEqual(
    Object.keys(problemIn(taken).details).filter((key) => key !== 'executionId'),
    [],
  )
  const seen = await node.call(TOKENS.admin, `POST /v1/executions/${mine}/cancel`, { graceMs: 0 })
  assert.deepEqual([seen.status, viewOf(seen).caller], [200, 'ann'])
})

test('A19: a key stands for what its own caller sent with it, and tells others nothing', async () => {
  const [tom, tim] = [await node.token('tom', 'submit', 'read'), await node.token('tim', 'submit', 'read')]
  const send = (token: string, image: string): Promise<Answer> =>
    node.call(token, 'POST /v1/executions', { task: { image } }, { 'idempotency-key': 'k' })
  const mine = await send(tom, 'forever')
  assert.equal(mine.status, 201)
  // The same body, and another: for its own caller that is the same execution, and a conflict.
  const theirs = await send(tim, 'hello')
  assert.deepEqual([theirs.status, viewOf(theirs).id === viewOf(mine).id], [201, false])
  const [again, conflict] = [await send(tom, 'forever'), await send(tom, 'hello')]
  assert.deepEqual([again.status, viewOf(again).id, conflict.status], [200, viewOf(mine).id, 409])
  assert.equal((await send(tim, 'hello')).status, 200)
  assert.equal((await node.call(tim, `GET /v1/executions/${viewOf(mine).id}`)).status, 404)
  await node.call(tom, `POST /v1/executions/${viewOf(mine).id}/cancel`, { graceMs: 0 })
})
