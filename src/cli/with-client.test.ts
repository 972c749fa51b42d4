import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { TestCertificate } from '../http/test-certificate.fixture.ts'
import { commandLine } from './command-line.fixture.ts'

test('a daemon that a file vouches for is believed, and one that nobody vouches for is not', async () => {
  await using certificate = await TestCertificate.make()
  const [cert, key] = [await readFile(certificate.certPath, 'utf8'), await readFile(certificate.keyPath, 'utf8')]
  const server = createServer({ cert, key }, (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' }).end('{"instances": []}')
  }).listen(0, '127.0.0.1')
  await using held = new AsyncDisposableStack()
  held.defer(() => {
    server.close()
    server.closeAllConnections()
  })
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const errand = commandLine(`https://127.0.0.1:${port}`)
  assert.equal((await errand(['instances', '--ca', certificate.certPath])).status, 0)
  const environment = { ERRAND_CA_FILE: certificate.certPath }
  assert.equal((await errand(['instances'], { environment })).status, 0)
  const unknown = await errand(['instances'])
  assert.equal(unknown.status, 65)
  assert.match(unknown.printed.stderr, /cannot prove who it is/)

  const unused = await commandLine(`http://127.0.0.1:${port}`)(['instances', '--ca', '/none/at/all'])
  assert.doesNotMatch(unused.printed.stderr, /none/, 'a file is read only where TLS is spoken')

  const none = join(certificate.folder, 'none.pem')
  assert.equal((await errand(['instances', '--ca', none])).status, 66)
  await writeFile(none, 'no certificate')
  const wrong = await errand(['instances', '--ca', none])
  assert.equal(wrong.status, 65)
  assert.match(wrong.printed.stderr, /none\.pem holds no certificate/)
})
