import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { EngineStub, json } from '../../../test/support/engine-stub.ts'
import type { DiskUsage } from '../engine.ts'
import { DockerClient } from './client.ts'
import { diskUsage } from './disk-usage.ts'

const never = new AbortController().signal
const REF = { name: 'box', id: 'abc' }
const LIMIT = { bytes: 1e9, inodes: 1000 }

/** What is told of a container that an Engine describes so, and that it says has written 4711 bytes. */
async function usageOf(container: object, sized: object = { SizeRw: 4711 }): Promise<DiskUsage | undefined> {
  const answer = (request: IncomingMessage, response: ServerResponse): void =>
    json({ State: { Pid: 0 }, ...container, ...(request.url?.endsWith('size=1') === true && sized) })(request, response)
  await using stub = await EngineStub.open({ routes: { 'GET /containers/abc/json': answer } })
  await using client = await DockerClient.open(stub, never)
  return await diskUsage(client, REF, LIMIT, never)
}

test('the upper folder of a container is counted by ourselves where it can be read', async () => {
  const upper = await mkdtemp(join(tmpdir(), 'errand-upper-'))
  try {
    await writeFile(join(upper, 'file'), Buffer.alloc(100_000))
    const usage = await usageOf({ GraphDriver: { Name: 'overlay2', Data: { UpperDir: upper } } })
    assert.equal(usage?.inodes, 1)
    assert.ok(usage.bytes >= 100_000)
  } finally {
    await rm(upper, { recursive: true })
  }
})

test('else the Engine is asked, which does not count files', async () => {
  const elsewhere = { GraphDriver: { Name: 'overlay2', Data: { UpperDir: '/nonexistent/upper' } } }
  for (const container of [elsewhere, { GraphDriver: { Name: 'btrfs', Data: null } }, {}]) {
    assert.deepEqual(await usageOf(container), { bytes: 4711, inodes: 0 })
  }
})

test('where nobody can tell, nothing is told', async () => {
  assert.equal(await usageOf({}, {}), undefined)
  await using stub = await EngineStub.open()
  await using client = await DockerClient.open(stub, never)
  assert.equal(await diskUsage(client, REF, LIMIT, never), undefined)
})
