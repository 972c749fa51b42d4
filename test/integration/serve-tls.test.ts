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

test(
  'F13: told to take up a broken certificate and a broken file, a daemon goes on with what it had',
  options,
  async () => {
    await using certificate = await TestCertificate.make()
    await using home = await Home.make()
    const file = join(home.folder, 'node.yaml')
    await writeFile(file, `cpu: 1\nlisten:\n  - 127.0.0.1:0\n  - ${listenOn(certificate)}\n`)
    await using node = await home.serve({ listen: [], flags: ['--config', file] })
    const port = Number((await node.addresses())[1]?.split(':').at(-1))
    const before = await node.get('/stats')

    await writeFile(file, 'cpu: none\nno such key: 1\n')
    await writeFile(certificate.certPath, 'not a certificate')
    node.signal('SIGHUP')
    await node.log.entry('a certificate cannot be renewed: the one before is kept')
    const { status, certificate: name } = await askSecurely(port, { path: '/v1/node' })
    assert.deepEqual([status, name], [401, 'first'])
    assert.equal((await node.get('/stats')).task_cpu, before.task_cpu)

    await certificate.renew('second')
    node.signal('SIGHUP')
    await node.log.entry('a certificate was renewed')
    assert.equal(
      (await askSecurely(port, { path: '/v1/node' })).certificate,
      'second',
      'and takes up one that is whole',
    )
  },
)

test('F13: a certificate that cannot be used stops the start with 78 and its name', options, async () => {
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
