import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { test } from 'node:test'
import { assertListenable } from './assert-listenable.ts'

test('a port that is taken is told, and one that is free is not, by an address or by a name', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const taken = assertListenable({ address: { host: '127.0.0.1', port } })
  await assert.rejects(taken, { code: 'already_exists' })
  server.close()
  await once(server, 'close')
  for (const host of ['127.0.0.1', '0.0.0.0', 'localhost']) await assertListenable({ address: { host, port } })
})
