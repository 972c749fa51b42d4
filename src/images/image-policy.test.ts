import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { parseImageReference } from '../core/image-reference.ts'
import { imageGlob } from './image-glob.ts'
import { ImagePolicy, type ImagePolicyOptions } from './image-policy.ts'
import { coded } from './images-bench.fixture.ts'

const { signal } = new AbortController()
const DIGEST = `sha256:${'0'.repeat(64)}`

describe('a glob', () => {
  const rows: [glob: string, name: string, matches: boolean][] = [
    ['**', 'docker.io/library/alpine:latest', true],
    ['**', DIGEST, true],
    ['sha256:*', DIGEST, true],
    ['docker.io/library/*', 'docker.io/library/alpine:latest', true],
    ['docker.io/library/*', `docker.io/library/alpine@${DIGEST}`, true],
    ['docker.io/library/*', 'docker.io/library/deep/alpine:latest', false],
    ['docker.io/library/*', 'evil.example/docker.io/library/alpine:latest', false],
    ['docker.io/library/*', DIGEST, false],
    ['127.0.0.1:5000/**', '127.0.0.1:5000/a/b/c:1', true],
    ['127.0.0.1:5000/**', '127.0.0.1:50001/a:1', false],
    ['127.0.0.1:5000/**', '127x0.0.1:5000/a:1', false],
    ['r.example/task', 'r.example/task:1', true],
    ['r.example/task', `r.example/task@${DIGEST}`, true],
    ['r.example/task', 'r.example/task-other:1', false],
    ['r.example/task', 'r.example/task/other:1', false],
    ['r.example/task:1', 'r.example/task:1', true],
    ['r.example/task:1', 'r.example/task:12', false],
    ['r.example/task:1.*', 'r.example/task:1.5', true],
    ['*/task', 'r.example/task:1', true],
  ]
  for (const [glob, name, matches] of rows) {
    test(`${glob} ${matches ? 'means' : 'does not mean'} ${name}`, () => assert.equal(imageGlob(glob)(name), matches))
  }

  test('of plain text means itself, whatever its characters', () => {
    const text = fc.stringMatching(/^[\w./:@()[\]{}+?^$|\\-]{1,30}$/)
    fc.assert(fc.property(text, (plain) => imageGlob(plain)(plain)))
  })
})

describe('A10: a registry', () => {
  const addresses: Record<string, readonly string[]> = {
    'public.example': ['93.184.216.34'],
    'inside.example': ['93.184.216.34', '10.0.0.1'],
    'six-to-four.example': ['2002:a9fe:a9fe::'],
    '127.1': ['127.0.0.1'],
  }
  const asked: string[] = []
  const policy = (options: Partial<ImagePolicyOptions> = {}): ImagePolicy =>
    new ImagePolicy({
      allow: ['**'],
      privateRegistries: [],
      resolve: async (host) => {
        asked.push(host)
        return addresses[host] ?? []
      },
      ...options,
    })
  const reach = async (image: string, options: Partial<ImagePolicyOptions> = {}): Promise<void> => {
    const reference = parseImageReference(image)
    assert.ok(reference.kind === 'name')
    await policy(options).assertReachable(reference, signal)
  }

  for (const image of [
    '127.0.0.1:5000/x',
    '10.0.0.1/x',
    '169.254.169.254/latest/meta-data',
    '127.1:80/x',
    'inside.example/x',
    'six-to-four.example/x',
  ]) {
    test(`in ${image} is refused`, () => assert.rejects(reach(image), coded('forbidden')))
  }

  test('that is public, or unknown here, may be asked', async () => {
    await reach('public.example/x')
    await reach('93.184.216.34:5000/x')
    await reach('unknown.example/x')
  })

  test('that is Docker Hub is not even looked up', async () => {
    asked.length = 0
    await reach('alpine')
    await reach('docker.io/team/x')
    assert.deepEqual(asked, [])
  })

  test('that is listed by host, or by host and port, may be asked', async () => {
    await reach('127.0.0.1:5000/x', { privateRegistries: ['127.0.0.1:5000'] })
    await reach('127.0.0.1:5000/x', { privateRegistries: ['127.0.0.1'] })
    await assert.rejects(reach('127.0.0.1:5001/x', { privateRegistries: ['127.0.0.1:5000'] }), coded('forbidden'))
  })

  test('that images.allow names may be asked; one that a wildcard covers may not', async () => {
    await reach('127.0.0.1:5000/x', { allow: ['127.0.0.1:5000/**'] })
    await reach('inside.example/x', { allow: ['Inside.example/x'] })
    await assert.rejects(reach('10.0.0.1/x', { allow: ['**'] }), coded('forbidden'))
    await assert.rejects(reach('10.0.0.1/x', { allow: ['10.0.0.*/x'] }), coded('forbidden'))
  })
})
