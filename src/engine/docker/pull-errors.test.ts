import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ErrorCode } from '../../core/errors.ts'
import { PULL_TEXTS, pullError } from './pull-errors.ts'

type Row = readonly [title: string, text: string, code: ErrorCode]

const DIGEST = `sha256:${'0'.repeat(64)}`

/** As Engine 20.10.24 printed them here when the registry misbehaved so. */
const PROVOKED: readonly Row[] = [
  [
    'F68: refused',
    'Get "http://127.0.0.1:1/v2/": dial tcp 127.0.0.1:1: connect: connection refused',
    'registry_unavailable',
  ],
  [
    'F68: no such host',
    'Get "https://nosuch.invalid/v2/": dial tcp: lookup nosuch.invalid on 10.0.0.53:53: no such host',
    'registry_unavailable',
  ],
  ['F68: a 500', 'received unexpected HTTP status: 500 Internal Server Error', 'registry_unavailable'],
  ['F68: a 503', 'received unexpected HTTP status: 503 Service Unavailable', 'registry_unavailable'],
  ['F68: a cut connection', 'Get "http://127.0.0.1:1/v2/": EOF', 'registry_unavailable'],
  [
    'F68: a reset',
    'Get "http://127.0.0.1:1/v2/": read tcp 127.0.0.1:2->127.0.0.1:1: read: connection reset by peer',
    'registry_unavailable',
  ],
  ['F68: a layer that breaks off', 'EOF', 'registry_unavailable'],
  [
    'F68: a layer that answers 500',
    'error pulling image configuration: download failed after attempts=6: received unexpected HTTP status: 500 Internal Server Error',
    'registry_unavailable',
  ],
  ['F68: redirects without end', 'Head "/v2/x/manifests/t": stopped after 10 redirects', 'registry_unavailable'],
  [
    'F69: silence',
    'Get "http://127.0.0.1:1/v2/": net/http: request canceled (Client.Timeout exceeded while awaiting headers)',
    'registry_unavailable',
  ],
  [
    'F71: credentials are asked for',
    'Head "http://127.0.0.1:1/v2/x/manifests/t": no basic auth credentials',
    'image_auth',
  ],
  ['F71: a 401', 'unauthorized: authentication required', 'image_auth'],
  ['F71: a 401 in its own words', 'unauthorized', 'image_auth'],
  ['F71: a 403', 'denied', 'image_auth'],
  [
    'F71: a 403 without JSON',
    `error parsing HTTP 403 response body: invalid character 'g' looking for beginning of value: "go away"`,
    'image_auth',
  ],
  ['F72: an unknown manifest', 'manifest unknown', 'image_not_found'],
  ['F72: an unknown repository', 'name unknown', 'image_not_found'],
  [
    'F72: an unknown repository in its own words',
    'repository 127.0.0.1:1/x not found: name unknown: gone',
    'image_not_found',
  ],
  ['F72: a tag in its own words', 'manifest for 127.0.0.1:1/x:1 not found: manifest unknown: gone', 'image_not_found'],
  ['F74: a manifest without a type', 'missing or empty Content-Type header', 'image_invalid'],
  [
    'F72: a 404 without JSON',
    `error parsing HTTP 404 response body: invalid character 'p' after top-level value: "404 page not found"`,
    'image_not_found',
  ],
  ['F73: a 429', 'toomanyrequests: You have reached your pull rate limit.', 'registry_unavailable'],
  [
    'F73: a 429 without JSON',
    `error parsing HTTP 429 response body: invalid character 's' looking for beginning of value: "slow down"`,
    'registry_unavailable',
  ],
  ['F74: a layer of another digest', `filesystem layer verification failed for digest ${DIGEST}`, 'image_invalid'],
  ['F74: a manifest of another digest', `manifest verification failed for digest ${DIGEST}`, 'image_invalid'],
  ['F74: another platform', 'no matching manifest for linux/amd64 in the manifest list entries', 'image_invalid'],
  [
    'F74: another operating system',
    'image operating system "windows" cannot be used on this platform',
    'image_invalid',
  ],
  ['F74: garbage', "invalid character 'g' looking for beginning of value", 'image_invalid'],
  ['F74: a text', "error unmarshalling content: invalid character 'h' looking for beginning of value", 'image_invalid'],
  ['F74: an unknown kind of manifest', 'missing signature key', 'image_invalid'],
  [
    'F74: a plugin',
    'Encountered remote "application/vnd.docker.plugin.v1+json"(plugin) when fetching',
    'image_invalid',
  ],
  [
    'F74: a layer that the registry lacks',
    'error pulling image configuration: download failed after attempts=1: unknown blob',
    'image_invalid',
  ],
  [
    'F74: a layer that is no archive',
    'failed to register layer: Error processing tar file(exit status 1): unexpected EOF',
    'image_invalid',
  ],
]

/** As others reported them: not provoked here. */
const READ: readonly Row[] = [
  ['Hub, 20.10: an unknown tag', 'manifest for x/y:z not found: manifest unknown: manifest unknown', 'image_not_found'],
  [
    'Hub, 20.10: an unknown repository',
    "pull access denied for nosuch, repository does not exist or may require 'docker login': denied: requested access to the resource is denied",
    'image_auth',
  ],
  ['20.10: a full disk', 'write /var/lib/docker/tmp/x: no space left on device', 'storage_full'],
  ['20.10: a full disk while unpacking', 'failed to register layer: write /x: no space left on device', 'storage_full'],
  [
    'containerd: a 401',
    'failed to resolve reference "r.example/x:t": unexpected status from HEAD request to https://r.example/v2/x/manifests/t: 401 Unauthorized',
    'image_auth',
  ],
  [
    'containerd: a 403',
    'unknown: failed to resolve reference "ghcr.io/x:t": unexpected status from HEAD request to https://ghcr.io/v2/x/manifests/t: 403 Forbidden',
    'image_auth',
  ],
  [
    'containerd: a scope',
    'failed to resolve reference "r.example/x:t": pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed',
    'image_auth',
  ],
  [
    'containerd: an unknown tag',
    'failed to resolve reference "docker.io/library/x:t": docker.io/library/x:t: not found',
    'image_not_found',
  ],
  ['containerd: another platform', 'no match for platform in manifest: not found', 'image_invalid'],
  [
    'containerd: a 429',
    'failed to copy: httpReadSeeker: failed open: unexpected status code https://r.example/v2/x/manifests/sha256:0: 429 Too Many Requests - Server message: toomanyrequests: slow',
    'registry_unavailable',
  ],
  [
    'containerd: refused',
    'failed to resolve reference "127.0.0.1:1/x:t": failed to do request: Head "https://127.0.0.1:1/v2/x/manifests/t": dial tcp 127.0.0.1:1: connect: connection refused',
    'registry_unavailable',
  ],
  [
    'containerd: a token service that breaks off',
    'failed to authorize: failed to fetch anonymous token: Get "https://auth.docker.io/token?scope=repository%3Ax%3Apull&service=registry.docker.io": EOF',
    'registry_unavailable',
  ],
]

describe('a failed pull', () => {
  for (const [title, text, code] of [...PROVOKED, ...READ]) {
    test(`${title} is ${code}`, () => assert.equal(pullError(500, text).code, code))
  }

  test('is told in words of every rule', () => {
    const texts = [...PROVOKED, ...READ].map(([, text]) => text)
    const [provoked = [], read = []] = PULL_TEXTS.map(({ rules }) => rules)
    const unproven = (rules: typeof provoked): RegExp[] =>
      rules.map(([pattern]) => pattern).filter((pattern) => !texts.some((text) => pattern.test(text)))
    assert.deepEqual(unproven(provoked), [/^unsupported (manifest|media|os)\b/i])
    assert.equal(read.length > 0, true)
  })
})

describe('the error of a failed pull', () => {
  test('says when to try again only where that can help', () => {
    assert.equal(pullError(500, 'EOF').retryAfterMs, 1000)
    assert.equal(pullError(500, 'unauthorized').retryAfterMs, undefined)
    assert.equal(pullError(500, 'manifest unknown').retryAfterMs, undefined)
  })

  test('F73: a rate limit counts 30 s, or as long as the registry says', () => {
    const limited = pullError(500, 'toomanyrequests: slow down')
    assert.equal(limited.retryAfterMs, 30_000)
    assert.equal(limited.details.registryStatus, 429)
    assert.equal(pullError(500, 'toomanyrequests: Retry-After: 77').retryAfterMs, 77_000)
    assert.equal(pullError(500, 'toomanyrequests: retry after 999999 s').retryAfterMs, 86_400_000)
  })

  test('A10: does not quote what a caller made the Engine read, nor queries, nor control characters', () => {
    const quoted = pullError(500, 'error parsing HTTP 404 response body: invalid character: "the\nsecret"')
    assert.equal(quoted.message, 'Docker Engine: error parsing HTTP 404 response body')
    const token = pullError(500, 'Get "http://h/token?account=ann&scope=x": EOF')
    assert.equal(token.message, 'Docker Engine: Get "http://h/token": EOF')
    assert.equal(pullError(500, 'denied: \u001b]0;x\u0007').message, 'Docker Engine: denied:  ]0;x ')
    assert.ok(pullError(500, `denied: ${'x'.repeat(9999)}`).message.length < 450)
  })
})
