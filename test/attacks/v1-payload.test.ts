import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { openV1Node, problemIn } from '../../src/http/v1/v1-node.fixture.ts'
import { type Answer, type Ask, ask, exchange } from '../../src/http/wire-kit.fixture.ts'

const node = await openV1Node()
after(() => node[Symbol.asyncDispose]())
const submitter = await node.token('submitter', 'submit')
const root = await node.token('root', 'admin')

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
      const headers = { authorization: submitter }
      const answer = await ask(node.ports.token, { path: '/v1/executions', body, headers })
      assert.deepEqual([answer.status, problemIn(answer).code], [400, 'validation_failed'], body)
    }
  }
  for (const path of ['cancel', 'pause', 'resume', 'exec']) {
    const { status } = await node.call(submitter, `POST /v1/executions/none/${path}`, { argv: ['x'], force: true })
    assert.equal(status, 400, path)
  }
  assert.deepEqual(JSON.parse((await node.call(root, 'GET /v1/executions?status=accepted,queued')).text), {
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
    const head = [`GET ${path} HTTP/1.1`, 'Host: localhost', `Authorization: ${root}`, 'Connection: close', '', '']
    const answer = await exchange(node.ports.token, ...head)
    assert.match(answer, /^HTTP\/1\.1 40[04] /, path)
    assert.match(answer, /"code":"(?:not_found|validation_failed)"/, path)
  }
  const nul = await exchange(node.ports.token, `GET /v1/executions/a\0 HTTP/1.1`, 'Host: localhost', '', '')
  assert.match(nul, /^HTTP\/1\.1 400 /)
  for (const id of ids) {
    const { status } = await node.call(submitter, 'POST /v1/executions', { id, task: { image: 'hello' } })
    assert.equal(status, 400, id)
  }
})

test('A14: the guards of the other face hold: hosts, origins, methods, targets, sizes, codings', async () => {
  const knocked = (headers: Ask['headers'], more: Partial<Ask> = {}): Promise<Answer> =>
    ask(node.ports.token, { path: '/v1/executions', ...more, headers: { authorization: submitter, ...headers } })
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
