import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import * as http from 'node:http'
import * as https from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { after, before, test } from 'node:test'
import { silentLog } from '../../src/core/log.ts'
import { loadConfig } from '../../src/daemon/config/load.ts'
import { Daemon } from '../../src/daemon/daemon.ts'
import { FakeEngine } from '../../src/engine/fake/fake-engine.ts'
import { TokenFile } from '../../src/http/auth-token-file.ts'
import { SCOPES, type Scope } from '../../src/http/contract/scope.ts'
import type { FaceName } from '../../src/http/listener-config.ts'
import { MECA_ROUTES } from '../../src/http/meca/routes.ts'
import { TestCertificate } from '../../src/http/test-certificate.fixture.ts'
import { V1_ROUTES } from '../../src/http/v1/routes.ts'
import { addToken } from '../../src/http/v1/v1-node.fixture.ts'
import { type ListenerKind, listenerKinds, unknownListenerKeys } from '../support/listener-kinds.ts'

// Who is let in where: every route, at every kind of listener that can be configured, with every credential. What is expected is
// said here again, and not asked of the code under test.

/** Whoever reaches the listener; where there is control; whoever has a token with this scope. */
type Need = 'nothing' | 'control' | Scope

/** A face or a route that is not here fails. */
const NEEDS = {
  meca: {
    'POST /': 'nothing',
    'GET /stats': 'nothing',
    'GET /health': 'nothing',
    'POST /pause': 'control',
    'POST /unpause': 'control',
    'POST /update-config': 'control',
    'POST /stop': 'control',
  },
  v1: {
    'POST /v1/executions': 'submit',
    'GET /v1/executions': 'read',
    'GET /v1/executions/{id}': 'read',
    'DELETE /v1/executions/{id}': 'submit',
    'GET /v1/executions/{id}/wait': 'read',
    'GET /v1/executions/{id}/logs': 'read',
    'PUT /v1/executions/{id}/inputs': 'submit',
    'GET /v1/executions/{id}/outputs': 'read',
    'GET /v1/executions/{id}/outputs/{path...}': 'read',
    'GET /v1/executions/{id}/stats': 'read',
    'POST /v1/executions/{id}/cancel': 'submit',
    'POST /v1/executions/{id}/pause': 'submit',
    'POST /v1/executions/{id}/resume': 'submit',
    'POST /v1/executions/{id}/exec': 'submit',
    'GET /v1/tasks': 'read',
    'GET /v1/tasks/{name}': 'read',
    'PUT /v1/tasks/{name}': 'submit',
    'DELETE /v1/tasks/{name}': 'submit',
    'ANY /v1/tasks/{name}/invoke/{path...}': 'submit',
    'GET /v1/invocations': 'read',
    'GET /v1/invocations/{id}': 'read',
    'GET /v1/invocations/{id}/wait': 'read',
    'GET /v1/invocations/{id}/response': 'read',
    'DELETE /v1/invocations/{id}': 'submit',
    'GET /v1/instances': 'read',
    'GET /v1/instances/{id}': 'read',
    'DELETE /v1/instances/{id}': 'submit',
    'GET /v1/node': 'read',
    'POST /v1/node/pause': 'operate',
    'POST /v1/node/unpause': 'operate',
    'POST /v1/node/drain': 'operate',
    'GET /v1/node/config': 'operate',
    'PATCH /v1/node/config': 'operate',
    'GET /v1/node/config/{version}': 'operate',
    'GET /v1/events': 'read',
  },
  docs: {
    'GET /openapi.json': 'nothing',
    'GET /docs': 'nothing',
    'GET /docs/style.css': 'nothing',
  },
  metrics: { 'GET /metrics': 'read' },
} as const satisfies Record<FaceName, Readonly<Record<string, Need>>>

const WITH_TOKENS = ['v1', 'docs', 'metrics', 'docs v1', 'metrics v1', 'docs metrics', 'docs metrics v1']
const WITH_MECA = ['meca v1', 'docs meca', 'meca metrics', 'docs meca v1', 'meca metrics v1', 'docs meca metrics']
const HERE = ['meca', ...WITH_TOKENS, ...WITH_MECA, 'docs meca metrics v1']
/** Which combinations there are at all: what each place and way of telling callers may serve. `+` is with TLS too. */
const KINDS: Readonly<Record<string, readonly string[]>> = {
  'unix none': HERE,
  'unix peer': HERE,
  'unix token': WITH_TOKENS,
  '127.0.0.1 none': HERE,
  '127.0.0.1 token': WITH_TOKENS,
  '0.0.0.0 none': ['meca'],
  '0.0.0.0 token': WITH_TOKENS,
}

/** More than a body may have: a request that is let in goes no further than that, and changes nothing. */
const TOO_LARGE = JSON.stringify({ id: 'x', input: 'x'.repeat(2000) })
const MOST_BODY = 1000

type Credential = 'none' | 'wrong' | 'revoked' | Scope

const engine = new FakeEngine({ images: {} })
const held = new AsyncDisposableStack()
const headers = new Map<Credential, string | undefined>([['none', undefined]])
let kinds: readonly ListenerKind[] = []
let daemon: Daemon

before(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'errand-matrix-'))
  held.defer(() => rm(folder, { recursive: true }))
  const { certPath, keyPath } = held.use(await TestCertificate.make())
  kinds = listenerKinds(folder, { cert: certPath, key: keyPath })
  const { config } = loadConfig({
    stateDir: join(folder, 'state'),
    runDir: join(folder, 'run'),
    set: [
      `listen=${JSON.stringify(kinds.map(({ written }) => written))}`,
      'node=test',
      'resources.hostCheck=none',
      `tasks.maxRequestBytes=${MOST_BODY}`,
    ],
  })
  const deps = { log: silentLog, openEngine: async () => engine }
  daemon = held.use(await Daemon.open(config, deps, AbortSignal.timeout(60_000)))
  const tokens = new TokenFile(config.auth.tokensFile)
  for (const scope of SCOPES) headers.set(scope, await addToken(tokens, `has-${scope}`, [scope]))
  headers.set('revoked', await addToken(tokens, 'revoked', ['admin']))
  await tokens.change((all) => all.filter(({ id }) => id !== 'revoked'))
  headers.set('wrong', `Bearer has-admin.${'A'.repeat(43)}`)
})
after(() => held.disposeAsync())

interface Knock {
  readonly status: number
  readonly challenge: string | undefined
}

/** Asks at the doors of one listener, on few connections. */
class Visitor implements Disposable {
  readonly #send: typeof http.request
  readonly #agent: http.Agent
  readonly #where: http.RequestOptions

  constructor({ config }: ListenerKind, address: string) {
    const options = { keepAlive: true, maxSockets: 2 }
    const isSecure = config.tls !== undefined
    this.#send = isSecure ? https.request : http.request
    this.#agent = isSecure ? new https.Agent({ ...options, rejectUnauthorized: false }) : new http.Agent(options)
    this.#where = address.startsWith('unix:')
      ? { socketPath: address.slice('unix:'.length) }
      : { host: '127.0.0.1', port: address.split(':').at(-1) }
  }

  async knock(route: string, credential: Credential): Promise<Knock> {
    const [method = '', path = ''] = route.replaceAll(/\{[^}]*\}/g, 'no-such').split(' ')
    const authorization = headers.get(credential)
    const { promise, resolve, reject } = Promise.withResolvers<Knock>()
    const sent = this.#send({
      ...this.#where,
      agent: this.#agent,
      method: method === 'ANY' ? 'GET' : method,
      // No operation takes this, which is found out only after the caller was let in.
      path: `${path}?no-such-parameter=1`,
      headers: { ...(authorization !== undefined && { authorization }) },
    })
    sent.on('error', reject)
    sent.on('response', (response) => {
      const { statusCode: status = 0, headers: answered } = response
      text(response).then(() => resolve({ status, challenge: answered['www-authenticate'] }), reject)
    })
    sent.end(method === 'POST' && !path.startsWith('/v1/') ? TOO_LARGE : undefined)
    return promise
  }

  [Symbol.dispose](): void {
    this.#agent.destroy()
  }
}

/** What is answered to somebody who is let in: too large a body, a query that nothing takes, or the two harmless views. */
function welcome(face: FaceName, route: string): number {
  // What is passed through is nobody's here to refuse, but there is no such task.
  if (face === 'v1') return route.startsWith('ANY') ? 404 : 400
  return route.startsWith('POST') ? 413 : 200
}

function expected({ config }: ListenerKind, face: FaceName, route: string, need: Need, has: Credential): number {
  if (!config.faces.has(face)) return 404
  if (need === 'nothing') return welcome(face, route)
  if (need === 'control') return config.hasControl ? welcome(face, route) : 403
  if (config.auth === 'peer') return welcome(face, route)
  if (has === 'none' || has === 'wrong' || has === 'revoked') return 401
  return has === need || has === 'admin' ? welcome(face, route) : 403
}

test('A15: every route has an entry in the matrix, and /v1 gives each the scope that it has here', () => {
  const meca = MECA_ROUTES.map(({ method, path, isControl }) => [
    `${method} ${path}`,
    isControl ? 'control' : 'nothing',
  ])
  assert.deepEqual(Object.fromEntries(meca), NEEDS.meca)
  const v1 = V1_ROUTES.map(({ operation: { method, path, scope } }) => [`${method} ${path}`, scope])
  assert.deepEqual(Object.fromEntries(v1), NEEDS.v1)
  assert.equal(v1.length, Object.keys(NEEDS.v1).length)
})

test('A15: every kind of listener that can be configured is known, and no other can be', () => {
  assert.deepEqual(unknownListenerKeys(), [])
  const known = Object.entries(KINDS).flatMap(([place, faces]) =>
    faces.flatMap((face) =>
      ['', ' control'].flatMap((control) =>
        (place.startsWith('unix') ? [''] : ['', ' tls']).map((tls) => `${place} ${face}${control}${tls}`),
      ),
    ),
  )
  assert.deepEqual(kinds.map(({ name }) => name).toSorted(), known.toSorted())
})

test('A15: at every kind of listener every route lets in whom it should, and nobody else', async (t) => {
  let knocks = 0
  for (const [index, kind] of kinds.entries()) {
    using visitor = new Visitor(kind, daemon.addresses[index] ?? '')
    for (const [face, routes] of Object.entries(NEEDS) as [FaceName, Readonly<Record<string, Need>>][]) {
      for (const [route, need] of Object.entries(routes)) {
        for (const credential of headers.keys()) {
          const { status, challenge } = await visitor.knock(route, credential)
          const about = `${kind.name}: ${route} with ${credential}`
          assert.equal(status, expected(kind, face, route, need, credential), about)
          assert.equal(challenge, status === 401 ? 'Bearer realm="errand"' : undefined, about)
          knocks += 1
        }
      }
    }
  }
  t.diagnostic(`${kinds.length} kinds of listeners, ${knocks} requests`)
  assert.equal(engine.calls.create, 0)
  assert.doesNotThrow(() => daemon.node.stats(), 'neither stopped nor paused')
})
