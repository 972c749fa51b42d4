import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EngineStub, json } from '../../../test/support/engine-stub.ts'
import { DockerClient } from './client.ts'
import { type ImageConfig, ImageConfigs } from './image-config.ts'

const never = new AbortController().signal

/** What is read of an image with this configuration; undefined for one that is not there. */
async function read(Config: object | null | undefined): Promise<ImageConfig> {
  const routes = Config === undefined ? {} : { 'GET /images/sha256:1/json': json({ Id: 'sha256:1', Config }) }
  await using stub = await EngineStub.open({ routes })
  await using client = await DockerClient.open({ socketPath: stub.socketPath }, never)
  return await new ImageConfigs(client).read('sha256:1', never)
}

const volumes = (...paths: string[]): object => ({ Volumes: Object.fromEntries(paths.map((path) => [path, {}])) })

test('an image is asked for its declarations once, since an id cannot come to mean others', async () => {
  const answer = json({ Id: 'sha256:1', Config: { Labels: { a: 'b' } } })
  await using stub = await EngineStub.open({ routes: { 'GET /images/sha256:1/json': answer } })
  await using client = await DockerClient.open({ socketPath: stub.socketPath }, never)
  const configs = new ImageConfigs(client)
  const first = await configs.read('sha256:1', never)
  assert.equal(await configs.read('sha256:1', never), first)
  assert.deepEqual(stub.requests, ['GET /v1.41/images/sha256:1/json'])
})

test('an image that declares nothing has none of all this', async () => {
  for (const config of [null, {}, { Volumes: null, Labels: null }]) {
    assert.deepEqual(await read(config), { volumes: [], labels: [], variables: [], entrypoint: [], cmd: [] })
  }
})

test('A12: volumes are told once each, as the Engine will write them', async () => {
  const { volumes: found } = await read(volumes('/data', '/data/', '//data', '/a/../data', '/b/./c'))
  assert.deepEqual(found, ['/data', '/b/c'])
})

test("A12: a volume over the root, over what is the kernel's own, or nowhere is refused as image_invalid", async () => {
  for (const path of [
    '/',
    '//',
    '/data/..',
    '/proc',
    '/proc/',
    '/proc/sys',
    '/sys/fs',
    '/dev',
    '/x/../dev/shm',
    'data',
    '',
  ]) {
    await assert.rejects(read(volumes(path)), { code: 'image_invalid' }, path)
  }
  assert.deepEqual((await read(volumes('/process', '/devel'))).volumes, ['/process', '/devel'])
})

test('A12: an image that declares more volumes than any needs is refused as image_invalid', async () => {
  const many = (count: number): string[] => Array.from({ length: count }, (_, index) => `/v${index}`)
  assert.equal((await read(volumes(...many(16)))).volumes.length, 16)
  await assert.rejects(read(volumes(...many(17))), { code: 'image_invalid', message: /17 volumes/ })
})

test('the names of its variables and what it runs are told', async () => {
  const { variables, entrypoint, cmd } = await read({
    Env: ['A=1', 'B=', 'C', 'D=a=b\nc'],
    Entrypoint: ['/bin/run'],
    Cmd: ['now'],
  })
  assert.deepEqual(
    { variables, entrypoint, cmd },
    { variables: ['A', 'B', 'C', 'D'], entrypoint: ['/bin/run'], cmd: ['now'] },
  )
})

test('the names of its labels are told', async () => {
  assert.deepEqual((await read({ Labels: { a: '1', b: '' } })).labels, ['a', 'b'])
})

test('an image that went away meanwhile is image_not_found', async () => {
  await assert.rejects(read(undefined), { code: 'image_not_found' })
})
