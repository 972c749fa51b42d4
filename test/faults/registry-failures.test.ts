import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { ErrandError, type ErrorCode } from '../../src/core/errors.ts'
import { randomId } from '../../src/core/ids.ts'
import { parseImageReference } from '../../src/core/image-reference.ts'
import type { DockerEngine } from '../../src/engine/docker/docker-engine.ts'
import { dockerCensus } from '../support/census.ts'
import { DOCKER_SOCKET, openDocker } from '../support/engine-host.ts'
import {
  answering,
  digestOf,
  FakeRegistry,
  type RegistryHandler,
  refusing,
  serving,
  servingElsewhere,
} from '../support/fake-registry.ts'
import { assertGone } from '../support/invariants.ts'
import { scale } from '../support/scale.ts'

const LAYER = gzipSync(Buffer.alloc(10_240))
const WRONG_DIGEST = `@sha256:${'0'.repeat(64)}`

interface Row {
  readonly title: string
  readonly registry: RegistryHandler
  readonly code: ErrorCode
  /** What is asked for; default `:1`. */
  readonly what?: string
}

/** What the real engine makes of registries that fail in every way: the words of `pull-errors.ts`, provoked. */
const ROWS: readonly Row[] = [
  { title: 'F68: a 500', registry: answering(500, 'boom'), code: 'registry_unavailable' },
  { title: 'F68: a 503 in JSON', registry: refusing(503, 'UNAVAILABLE', 'later'), code: 'registry_unavailable' },
  { title: 'F68: a 502 in HTML', registry: answering(502, '<html></html>'), code: 'registry_unavailable' },
  {
    title: 'F68: a reset',
    registry: (request) => void request.socket.resetAndDestroy(),
    code: 'registry_unavailable',
  },
  { title: 'F68: a cut', registry: (request) => void request.socket.destroy(), code: 'registry_unavailable' },
  {
    title: 'F68: a token service that is down',
    registry: (_request, response) => {
      const challenge = 'Bearer realm="http://127.0.0.1:1/token",service="x"'
      response.writeHead(401, { 'www-authenticate': challenge }).end()
    },
    code: 'registry_unavailable',
  },
  {
    title: 'F71: a demand for an account',
    registry: (_request, response) => {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end()
    },
    code: 'image_auth',
  },
  { title: 'F71: a 401', registry: refusing(401, 'UNAUTHORIZED', 'authentication required'), code: 'image_auth' },
  { title: 'F71: a 403', registry: refusing(403, 'DENIED', 'not for you'), code: 'image_auth' },
  { title: 'F71: a 403 in plain text', registry: answering(403, 'go away'), code: 'image_auth' },
  { title: 'F72: an unknown tag', registry: refusing(404, 'MANIFEST_UNKNOWN', 'unknown'), code: 'image_not_found' },
  { title: 'F72: an unknown name', registry: refusing(404, 'NAME_UNKNOWN', 'unknown'), code: 'image_not_found' },
  { title: 'F72: a 404 in plain text', registry: answering(404, 'not found'), code: 'image_not_found' },
  {
    title: 'F72: an unknown digest',
    registry: refusing(404, 'MANIFEST_UNKNOWN', 'unknown'),
    code: 'image_not_found',
    what: WRONG_DIGEST,
  },
  { title: 'F73: a 429', registry: refusing(429, 'TOOMANYREQUESTS', 'slow down'), code: 'registry_unavailable' },
  { title: 'F73: a 429 in plain text', registry: answering(429, 'slow down'), code: 'registry_unavailable' },
  { title: 'F74: garbage for a manifest', registry: answering(200, 'garbage{'), code: 'image_invalid' },
  {
    title: 'F74: another image than the digest says',
    registry: serving({ layer: LAYER }),
    code: 'image_invalid',
    what: WRONG_DIGEST,
  },
  {
    title: 'F74: a layer with other bytes than its digest says',
    registry: serving({ layer: LAYER, sendLayer: (response) => response.end(Buffer.alloc(LAYER.length)) }),
    code: 'image_invalid',
  },
  {
    title: 'F74: a layer that is no archive',
    registry: serving({ layer: Buffer.from('text') }),
    code: 'image_invalid',
  },
  {
    title: 'F74: a layer that the registry lacks',
    registry: serving({
      layer: LAYER,
      sendLayer: (response) => {
        const body = JSON.stringify({ errors: [{ code: 'BLOB_UNKNOWN', message: 'unknown' }] })
        response.writeHead(404, { 'content-type': 'application/json' }).end(body)
      },
    }),
    code: 'image_invalid',
  },
  { title: 'F74: a list without this platform', registry: servingElsewhere(), code: 'image_invalid' },
  { title: 'F74: another processor', registry: serving({ architecture: 's390x' }), code: 'image_invalid' },
  {
    title: 'F74: another operating system',
    registry: serving({ os: 'windows', layer: LAYER }),
    code: 'image_invalid',
  },
]

describe('the engine asked for an image that its registry cannot give', { timeout: 120_000 }, () => {
  // There is no daemon here: of the invariants only I3 can be asked for.
  const installation = randomId()
  let engine: DockerEngine
  before(async () => {
    engine = await openDocker({ installation })
  })
  after(async () => {
    await engine[Symbol.asyncDispose]()
    await assertGone(installation, dockerCensus(DOCKER_SOCKET))
  })

  async function pull(text: string): Promise<ErrandError> {
    try {
      await engine.images.pull(parseImageReference(text), { onProgress() {} }, AbortSignal.timeout(60_000))
    } catch (error) {
      assert.ok(error instanceof ErrandError, String(error))
      return error
    }
    assert.fail(`${text} was pulled`)
  }

  for (const { title, registry: handler, code, what = ':1' } of ROWS) {
    test(`${title} is ${code}`, async () => {
      await using registry = await FakeRegistry.open(handler)
      const error = await pull(`${registry.host}/errand-test/x${what}`)
      assert.equal(error.code, code, error.message)
      assert.equal(error.retryAfterMs !== undefined, code === 'registry_unavailable')
      if (title.startsWith('F73')) assert.ok((error.retryAfterMs ?? 0) >= 30_000)
      const left = await engine.images.find(
        parseImageReference(`${registry.host}/errand-test/x${what}`),
        AbortSignal.timeout(9999),
      )
      assert.equal(left, undefined)
    })
  }

  test('F68: a port where nobody listens, and a name that nobody has, are registry_unavailable', async () => {
    assert.equal((await pull('127.0.0.1:1/errand-test/x:1')).code, 'registry_unavailable')
    assert.equal((await pull('nosuch.invalid/errand-test/x:1')).code, 'registry_unavailable')
  })

  test('F69: a registry that accepts and says nothing is registry_unavailable', { skip: onlyInFull() }, async () => {
    await using registry = await FakeRegistry.open(() => {})
    assert.equal((await pull(`${registry.host}/errand-test/x:1`)).code, 'registry_unavailable')
  })

  test('A10: what a server inside answered is not told to the caller', async () => {
    await using registry = await FakeRegistry.open(answering(404, `inside ${digestOf('secret')}`))
    assert.ok(!(await pull(`${registry.host}/errand-test/x:1`)).message.includes('inside'))
  })
})

/** The engine alone decides how long it waits: 15 to 25 s. */
function onlyInFull(): string | false {
  return scale(0, 1) === 0 && 'takes half a minute: in npm run test:full'
}
