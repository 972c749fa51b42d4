import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { askSecurely, TestCertificate } from '../../src/http/test-certificate.fixture.ts'
import { Home } from '../support/serve-process.ts'

const options = { timeout: 120_000 }

function listenOn({ certPath, keyPath }: { readonly certPath: string; readonly keyPath: string }): string {
  return `{ address: '0.0.0.0:0', auth: token, tls: { cert: ${certPath}, key: ${keyPath} } }`
}

test('a daemon serves /v1 over TLS beyond this host, and SIGHUP renews its certificate', options, async () => {
  await using certificate = await TestCertificate.make()
  await using home = await Home.make()
  const file = join(home.folder, 'node.yaml')
  await writeFile(file, `listen:\n  - 127.0.0.1:0\n  - ${listenOn(certificate)}\n`)
  await using node = await home.serve({ listen: [], flags: ['--config', file] })
  const port = Number((await node.addresses())[1]?.split(':').at(-1))
  const first = await askSecurely(port, { path: '/v1/node' })
  assert.deepEqual([first.status, first.certificate], [401, 'first'])

  await certificate.renew('second')
  node.signal('SIGHUP')
  await node.log.entry('a certificate was renewed')
  const second = await askSecurely(port, { path: '/v1/node' })
  assert.deepEqual([second.status, second.certificate], [401, 'second'])
})

test('a certificate that cannot be used stops the start with 78 and its name', options, async () => {
  await using certificate = await TestCertificate.make()
  await using home = await Home.make()
  const { certPath } = certificate
  const other = await certificate.draft('other')
  for (const [files, sentence] of [
    [{ certPath, keyPath: '/none/key.pem' }, '/none/key.pem cannot be read (ENOENT)'],
    [{ certPath, keyPath: other.keyPath }, `${other.keyPath} is not the key of ${certPath}`],
  ] as const) {
    const node = home.spawn({ listen: [], settings: [`listen=[${listenOn(files)}]`] })
    assert.deepEqual(await node.ended, { code: 78, signal: null }, node.log.text)
    assert.ok(node.log.text.includes(`errand: listen: tls: ${sentence}\n`), node.log.text)
  }
})
