import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { FakeRegistry, refusing, serving } from '../support/fake-registry.ts'
import { type FaultDaemon, startFaultDaemon } from '../support/fault-daemon.ts'

const SMALL = { cpu: 0.1, mem: 64 }
const options = { timeout: 120_000 }

/** Registries on loopback have to be listed. */
function start(settings: readonly string[] = []): Promise<FaultDaemon> {
  return startFaultDaemon({ settings: ['images.privateRegistries=[127.0.0.1]', ...settings] })
}

describe('a registry that fails', options, () => {
  test('F70: in the middle of a layer: image_pull_timeout once nothing has moved for long enough', async () => {
    const layer = gzipSync(Buffer.from(Array.from({ length: 200_000 }, (_, index) => (index * 7919) % 251)))
    const handler = serving({
      layer,
      sendLayer: (response, bytes) => {
        response.writeHead(200, { 'content-length': bytes.length }).write(bytes.subarray(0, bytes.length / 2))
      },
    })
    await using stalling = await FakeRegistry.open(handler)
    await using node = await start(['images.noProgressTimeoutMs=2000'])
    const answer = await node.execute({ id: `${stalling.host}/errand/x:1`, resource: SMALL, input: '' })
    assert.equal(answer.code, 'image_pull_timeout')
    assert.match(answer.msg, /no progress for 2000 ms/)
  })

  for (const [row, status, code, expected] of [
    ['F71', 403, 'DENIED', 'image_auth'],
    ['F72', 404, 'MANIFEST_UNKNOWN', 'image_not_found'],
  ] as const) {
    test(`${row}: with ${code} is asked once, and the caller told at once: ${expected}`, async () => {
      await using failing = await FakeRegistry.open(refusing(status, code, 'no'))
      await using node = await start()
      const id = `${failing.host}/errand/x:1`
      assert.equal((await node.execute({ id, resource: SMALL, input: '' })).code, expected)
      assert.equal(node.log.factsOf('pulling an image').length, 1)
      assert.equal(node.log.factsOf('a pull failed; trying again').length, 0)
      const asked = failing.requests.length
      const again = await node.execute({ id, resource: { cpu: 0.2, mem: 64 }, input: '' })
      assert.equal(again.code, expected)
      if (row === 'F72') assert.equal(failing.requests.length, asked)
    })
  }

  test('F73: by limiting our rate is left alone, also for other images', async () => {
    await using limiting = await FakeRegistry.open(refusing(429, 'TOOMANYREQUESTS', 'slow down'))
    await using node = await start(['images.pullTimeoutMs=20000'])
    const first = await node.execute({ id: `${limiting.host}/errand/x:1`, resource: SMALL, input: '' })
    assert.equal(first.code, 'registry_unavailable')
    assert.ok((first.retryAfterMs ?? 0) >= 30_000)
    const asked = limiting.requests.length
    const second = await node.execute({ id: `${limiting.host}/errand/y:1`, resource: SMALL, input: '' })
    assert.equal(second.code, 'registry_unavailable')
    assert.equal(limiting.requests.length, asked)
  })
})
