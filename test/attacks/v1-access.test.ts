import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { SCOPES, type Scope } from '../../src/http/contract/scope.ts'
import { V1_ROUTES } from '../../src/http/v1/routes.ts'
import { type Door, openV1Node, problemIn, viewOf } from '../../src/http/v1/v1-node.fixture.ts'
import { type Answer, type Ask, ask, exchange } from '../../src/http/wire-kit.fixture.ts'

const node = await openV1Node()
after(() => node[Symbol.asyncDispose]())
const TOKENS: Readonly<Record<Scope, string>> = {
  read: await node.token('reader', 'read'),
  submit: await node.token('submitter', 'submit'),
  operate: await node.token('operator', 'operate'),
  admin: await node.token('root', 'admin'),
}

/** What each route needs, said again: a route that is not here fails. */
const NEEDS: Readonly<Record<string, Scope>> = {
  'POST /v1/executions': 'submit',
  'GET /v1/executions': 'read',
  'GET /v1/executions/{id}': 'read',
  'DELETE /v1/executions/{id}': 'submit',
  'GET /v1/executions/{id}/wait': 'read',
  'GET /v1/executions/{id}/logs': 'read',
  'GET /v1/executions/{id}/stats': 'read',
  'POST /v1/executions/{id}/cancel': 'submit',
  'POST /v1/executions/{id}/pause': 'submit',
  'POST /v1/executions/{id}/resume': 'submit',
  'POST /v1/executions/{id}/exec': 'submit',
  'GET /v1/node': 'read',
  'POST /v1/node/pause': 'operate',
  'POST /v1/node/unpause': 'operate',
  'GET /v1/events': 'read',
}
const ROUTES = V1_ROUTES.map(({ method, path }) => `${method} ${path}`)
/** What has no end of its own is asked for wrongly: that is found out only after the caller was let in. */
const ENDLESS = 'GET /v1/events'

function knock(door: Door, route: string, authorization?: string, more: Partial<Ask> = {}): Promise<Answer> {
  const [method = '', path = ''] = route.replace('{id}', 'no-such').split(' ')
  const headers = { ...(authorization !== undefined && { authorization }), ...more.headers }
  const asked = { method, ...more, path: route === ENDLESS ? `${path}?since=x` : path, headers }
  return door === 'unix' ? ask(0, { ...asked, socketPath: node.socketPath }) : ask(node.ports[door], asked)
}

test('A15: every route has an entry, and its scope is the one that it was given here', () => {
  assert.deepEqual(ROUTES.toSorted(), Object.keys(NEEDS).toSorted())
  for (const { method, path, scope } of V1_ROUTES) assert.equal(scope, NEEDS[`${method} ${path}`], path)
})

for (const door of ['open', 'token', 'unix'] as const) {
  test(`A15: at the door "${door}" every route asks for a token with its scope, or for the socket`, async () => {
    for (const route of ROUTES) {
      const bare = await knock(door, route)
      if (door === 'unix') {
        assert.ok(![401, 403].includes(bare.status), `${route} without a token: ${bare.status}`)
        continue
      }
      assert.equal(bare.status, 401, route)
      assert.equal(bare.headers['www-authenticate'], 'Bearer realm="errand"')
      for (const scope of SCOPES) {
        const { status } = await knock(door, route, TOKENS[scope])
        if (scope === NEEDS[route] || scope === 'admin') assert.ok(![401, 403].includes(status), `${route} ${scope}`)
        else assert.equal(status, 403, `${route} with ${scope}`)
      }
    }
  })
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

test('A15: a token that was revoked opens nothing any more, at once', async () => {
  const token = await node.token('short-lived', 'read')
  assert.equal((await knock('token', 'GET /v1/node', token)).status, 200)
  await node.tokens.change((tokens) => tokens.filter(({ id }) => id !== 'short-lived'))
  assert.equal((await knock('token', 'GET /v1/node', token)).status, 401)
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

test("A16: another caller's execution is not there, on any route", async () => {
  const ann = await node.token('ann', 'read', 'submit', 'operate')
  const eve = await node.token('eve', 'read', 'submit', 'operate')
  const mine = viewOf(await node.call(ann, 'POST /v1/executions', { task: { image: 'forever' } })).id
  for (const route of ROUTES.filter((each) => each.includes('{id}'))) {
    const body = route.endsWith('exec') ? { argv: ['x'] } : {}
    const send = (id: string): Promise<Answer> =>
      node.call(eve, route.replace('{id}', id), route.startsWith('POST') ? body : undefined)
    const [theirs, none] = [await send(mine), await send('no-such')]
    assert.deepEqual([theirs.status, theirs.text.replace(mine, 'no-such')], [404, none.text], route)
  }
  const listed = JSON.parse((await node.call(eve, 'GET /v1/executions')).text)
  assert.deepEqual(listed, { executions: [] })
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

test('A16: the same key of two callers stands for two executions', async () => {
  const [tom, tim] = [await node.token('tom', 'submit'), await node.token('tim', 'submit')]
  const send = (token: string): Promise<Answer> =>
    node.call(token, 'POST /v1/executions', { task: { image: 'hello' } }, { 'idempotency-key': 'k' })
  const [first, second] = [await send(tom), await send(tim)]
  assert.deepEqual([first.status, second.status], [201, 201])
  assert.notEqual(viewOf(first).id, viewOf(second).id)
})

test('A17: what a body may not say is refused, at every depth, and changes nothing', async () => {
  const good = { task: { image: 'hello', resources: { cpu: 1 } }, limits: {}, outputs: [{ path: '/x' }] }
  const extras = ['owner', 'callerId', 'caller', 'status', 'state', 'executorId', 'resultsDir', 'attempt']
  const more = ['inputs', 'portsToBind', 'gatewayIp', 'privileged', 'binds', '__proto__', 'constructor', 'toString']
  for (const key of [...extras, ...more]) {
    const at = (path: (body: typeof good) => object): string => {
      const body = structuredClone(good)
      Object.defineProperty(path(body), key, { value: { x: 1 }, enumerable: true })
      return JSON.stringify(body)
    }
    const bodies = [
      at((body) => body),
      at(({ task }) => task),
      at(({ task }) => task.resources),
      at(({ limits }) => limits),
      at(({ outputs }) => outputs[0] ?? {}),
    ]
    for (const body of bodies) {
      const headers = { authorization: TOKENS.submit }
      const answer = await ask(node.ports.token, { path: '/v1/executions', body, headers })
      assert.deepEqual([answer.status, problemIn(answer).code], [400, 'validation_failed'], body)
    }
  }
  for (const path of ['cancel', 'pause', 'resume', 'exec']) {
    const { status } = await node.call(TOKENS.submit, `POST /v1/executions/none/${path}`, { argv: ['x'], force: true })
    assert.equal(status, 400, path)
  }
  assert.deepEqual(JSON.parse((await node.call(TOKENS.admin, 'GET /v1/executions?status=accepted,queued')).text), {
    executions: [],
  })
})

test('A14: ids that are none are at no path, and reach nothing, however they are written', async () => {
  const ids = [
    '..',
    '.',
    '../x',
    '..%2fx',
    '%2e%2e',
    '%2e',
    'A',
    'a_b',
    '*',
    '>',
    'a.b',
    `${'a'.repeat(64)}`,
    '-a',
    'é',
    'a%00',
  ]
  const paths = [...ids.map((id) => `/v1/executions/${id}`), ...ids.map((id) => `/v1/executions/${id}/logs`)]
  for (const path of [
    ...paths,
    '/v1/executions/../node',
    '/v1/executions/x/../../node',
    '/v1/executions//logs',
    '/v1\\node',
  ]) {
    const head = [
      `GET ${path} HTTP/1.1`,
      'Host: localhost',
      `Authorization: ${TOKENS.admin}`,
      'Connection: close',
      '',
      '',
    ]
    const answer = await exchange(node.ports.token, ...head)
    assert.match(answer, /^HTTP\/1\.1 40[04] /, path)
    assert.match(answer, /"code":"(?:not_found|validation_failed)"/, path)
  }
  const nul = await exchange(node.ports.token, `GET /v1/executions/a\0 HTTP/1.1`, 'Host: localhost', '', '')
  assert.match(nul, /^HTTP\/1\.1 400 /)
  for (const id of ids) {
    const { status } = await node.call(TOKENS.submit, 'POST /v1/executions', { id, task: { image: 'hello' } })
    assert.equal(status, 400, id)
  }
})

test('A14: the guards of the other face hold: hosts, origins, methods, targets, sizes, codings', async () => {
  const knocked = (headers: Ask['headers'], more: Partial<Ask> = {}): Promise<Answer> =>
    knock('token', 'POST /v1/executions', TOKENS.submit, { ...more, headers: { ...headers } })
  const cases: [string, Promise<Answer>, number][] = [
    ['a foreign host', knocked({ host: 'evil.example' }), 421],
    ['a foreign origin', knocked({ origin: 'http://evil.example' }), 403],
    ['another site', knocked({ 'sec-fetch-site': 'cross-site' }), 403],
    ['a compressed body', knocked({ 'content-encoding': 'gzip' }, { body: '{}' }), 415],
    ['a large body', knocked({}, { body: ' '.repeat(1024 * 1024 + 1) }), 413],
    [
      'a large body without a length',
      knocked({ 'transfer-encoding': 'chunked' }, { body: ' '.repeat(1024 * 1024 + 1) }),
      413,
    ],
    ['no JSON', knocked({}, { body: 'x' }), 400],
    ['no object', knocked({}, { body: '[]' }), 400],
    ['a deep body', knocked({}, { body: `{"labels":${'['.repeat(40)}${']'.repeat(40)}}` }), 400],
    ['no UTF-8', knocked({}, { body: Buffer.from([0x7b, 0xff, 0x7d]) }), 400],
  ]
  for (const [what, answer, expected] of cases) {
    const { status, headers } = await answer
    assert.equal(status, expected, what)
    assert.equal(headers['content-type'], 'application/problem+json', what)
  }
})
