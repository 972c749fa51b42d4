import assert from 'node:assert/strict'
import { test } from 'node:test'
import { json } from '../../../test/support/engine-stub.ts'
import type { PullProgress } from '../engine.ts'
import { lines, open } from './stub-engine.fixture.ts'

const never = new AbortController().signal
const IMAGE = { kind: 'name', repository: 'far/image', tag: 'v1', digest: undefined } as const

test('a pull reports its progress and ends with the image', async () => {
  await using opened = await open({
    'POST /images/create': (_request, response) => {
      response.write(lines({ status: 'Pulling from far/image', id: 'v1' }))
      response.end(lines({ status: 'Downloading', progressDetail: { current: 1, total: 2 }, id: 'layer' }))
    },
    'GET /images/far/image:v1/json': json({
      Id: 'sha256:9',
      RepoTags: ['far/image:v1', '<none>:<none>'],
      RepoDigests: null,
      Size: 7,
      Created: '2026-01-01T00:00:00Z',
      Os: 'linux',
      Architecture: 'amd64',
    }),
    'GET /version': json({ Version: '20.10', Os: 'linux', Arch: 'amd64' }),
  })
  const progress: PullProgress[] = []
  const image = await opened.engine.images.pull(IMAGE, { onProgress: (step) => progress.push(step) }, never)
  assert.deepEqual(image, {
    id: 'sha256:9',
    tags: ['docker.io/far/image:v1'],
    digests: [],
    sizeBytes: 7,
    createdMs: Date.UTC(2026, 0, 1),
  })
  assert.deepEqual(progress, [
    { status: 'Pulling from far/image', layer: 'v1' },
    { status: 'Downloading', layer: 'layer', currentBytes: 1, totalBytes: 2 },
  ])
  assert.ok(opened.stub.requests.includes('POST /v1.41/images/create?fromImage=far%2Fimage&tag=v1'))
})

test('a failure that comes within the stream of a pull is told by its words', async () => {
  const message = 'manifest for far/image:v1 not found: manifest unknown: manifest unknown'
  await using opened = await open({
    'POST /images/create': (_request, response) => {
      response.write(lines({ status: 'Pulling from far/image' }))
      response.end(lines({ errorDetail: { message }, error: message }))
    },
  })
  const pulling = opened.engine.images.pull(IMAGE, { onProgress() {} }, never)
  await assert.rejects(pulling, { code: 'image_not_found' })
})

test('an abort drops a pull that has begun, and rejects with its reason', async () => {
  const controller = new AbortController()
  const dropped = Promise.withResolvers<void>()
  await using opened = await open({
    'POST /images/create': (request, response) => {
      request.socket.once('close', () => dropped.resolve())
      response.write(lines({ status: 'Pulling from far/image' }))
    },
  })
  const pulling = opened.engine.images.pull(
    IMAGE,
    { onProgress: () => controller.abort(new Error('given up')) },
    controller.signal,
  )
  await assert.rejects(pulling, { message: 'given up' })
  await dropped.promise
})

test('F74: an image for another processor is invalid, and is not kept', async () => {
  const image = { Id: 'sha256:9', RepoTags: ['far/image:v1'], Size: 7, Os: 'linux', Architecture: 'arm64' }
  await using opened = await open({
    'POST /images/create': (_request, response) => response.end(lines({ status: 'Pulling from far/image' })),
    'GET /images/far/image:v1/json': json(image),
    'GET /version': json({ Version: '20.10', Os: 'linux', Arch: 'amd64' }),
    'DELETE /images/far/image:v1': json([]),
  })
  const pulling = opened.engine.images.pull(IMAGE, { onProgress() {} }, never)
  await assert.rejects(pulling, { code: 'image_invalid', message: /linux\/arm64.*linux\/amd64/ })
  assert.equal(opened.stub.requests.at(-1), 'DELETE /v1.41/images/far/image:v1?noprune=1')
})

test('credentials go with a pull from their own registry and with no other', async () => {
  const sent: (string | undefined)[] = []
  await using opened = await open({
    'POST /images/create': (request, response) => {
      sent.push(request.headersDistinct['x-registry-auth']?.[0])
      json({ message: 'EOF' }, 500)(request, response)
    },
  })
  const secrets = { kind: 'password', username: 'ann', secret: 'canary' } as const
  const pull = async (repository: string, registry: string): Promise<void> => {
    const options = { credentials: { ...secrets, registry }, onProgress() {} }
    const pulling = opened.engine.images.pull({ ...IMAGE, repository }, options, never)
    await assert.rejects(pulling, ({ message }: Error) => !message.includes('canary'))
  }
  await pull('one.example/x', 'one.example')
  await pull('two.example/x', 'one.example')
  await pull('x', 'docker.io')
  const read = sent.map((header) => header && JSON.parse(Buffer.from(header, 'base64url').toString()))
  const known = { username: 'ann', password: 'canary' }
  assert.deepEqual(read, [
    { ...known, serveraddress: 'one.example' },
    undefined,
    { ...known, serveraddress: 'https://index.docker.io/v1/' },
  ])
})

test('an image id is not asked of a registry', async () => {
  await using opened = await open({})
  const pulling = opened.engine.images.pull({ kind: 'id', id: 'sha256:1' }, { onProgress() {} }, never)
  await assert.rejects(pulling, { code: 'image_not_found' })
})
