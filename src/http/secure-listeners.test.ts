import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { chmod, copyFile, readFile, writeFile } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import type { CertificateFiles } from './certificate.ts'
import { GET, open, portOf } from './secure-listener.fixture.ts'
import { askSecurely, connectSecurely, TestCertificate } from './test-certificate.fixture.ts'
import { fakeNode, RawConnection, serveFace } from './wire-kit.fixture.ts'

const run = promisify(execFile)

test('a listener with a certificate speaks HTTPS from TLS 1.2 on, and nothing else', async () => {
  await using certificate = await TestCertificate.make()
  await using listeners = await open(certificate)
  const port = portOf(listeners)
  const { text, certificate: name } = await askSecurely(port, {})
  assert.deepEqual([text, name], ['ok', 'first'])
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    using socket = await connectSecurely(port, { minVersion: version, maxVersion: version })
    assert.equal(socket.getProtocol(), version)
  }
  const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const
  await assert.rejects(connectSecurely(port, old), { code: 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION' })
  using plain = new RawConnection(port)
  plain.write(GET)
  assert.equal((await plain.untilClosed()).includes('HTTP/'), false, 'no word of HTTP without a key')
  assert.equal((await askSecurely(port, {})).text, 'ok')
})

test('a file that is missing, wrong, of another key or open to everybody is named, and nothing opens', async () => {
  await using good = await TestCertificate.make()
  const { certPath, keyPath } = good
  const other = await good.draft('other')
  const at = (name: string): string => join(good.folder, name)
  await writeFile(at('empty'), '', { mode: 0o600 })
  await copyFile(keyPath, at('open'))
  await chmod(at('open'), 0o644)
  const encrypting = ['pkey', '-in', keyPath, '-aes256', '-passout', 'pass:secret', '-out', at('encrypted')]
  await run('openssl', encrypting)
  await writeFile(at('chain'), `${await readFile(certPath, 'utf8')}-----BEGIN CERTIFICATE-----\nAAAA\n`)
  const cases: [CertificateFiles, string, RegExp][] = [
    [{ certPath: at('none'), keyPath }, at('none'), /cannot be read \(ENOENT\)$/],
    [{ certPath, keyPath: at('none') }, at('none'), /cannot be read \(ENOENT\)$/],
    [{ certPath: good.folder, keyPath }, good.folder, /cannot be read \(EISDIR\)$/],
    [{ certPath, keyPath: at('empty') }, at('empty'), /is no private key in PEM without a passphrase$/],
    [{ certPath: at('empty'), keyPath }, at('empty'), /is no certificate in PEM$/],
    [{ certPath: keyPath, keyPath }, keyPath, /is no certificate in PEM$/],
    [{ certPath: at('chain'), keyPath }, at('chain'), /cannot be used: ERR_/],
    [{ certPath, keyPath: certPath }, certPath, /is open to everybody on this host/],
    [{ certPath, keyPath: at('encrypted') }, at('encrypted'), /is no private key in PEM without a passphrase$/],
    [{ certPath, keyPath: other.keyPath }, other.keyPath, /is not the key of .*cert\.pem$/],
    [{ certPath, keyPath: at('open') }, at('open'), /is open to everybody on this host: chmod o-rwx$/],
  ]
  await chmod(certPath, 0o644)
  for (const [files, path, why] of cases) {
    await assert.rejects(open(files), (error: Error & { code?: string }) => {
      assert.equal(error.code, 'validation_failed')
      assert.match(error.message, why)
      assert.ok(error.message.startsWith(`listen: tls: ${path} `), error.message)
      assert.ok(!/BEGIN|secret/.test(`${error.message} ${String(error.cause)}`))
      return true
    })
  }
})

test('A41: who does not agree on keys in time is cut off, and counts among the connections', async () => {
  await using certificate = await TestCertificate.make()
  const limits = { headersTimeoutMs: 300, requestTimeoutMs: 600, checkIntervalMs: 50, maxConnections: 3 }
  await using listeners = await open(certificate, { limits: { ...limits, maxConnectionsPerPeer: 2 } })
  const port = portOf(listeners)
  using silent = new RawConnection(port, '127.0.0.2')
  using half = new RawConnection(port, '127.0.0.2')
  await Promise.all([once(silent.socket, 'connect'), once(half.socket, 'connect')])
  // A TLS record that promises more than it has.
  half.socket.write(Buffer.from('16030102000100', 'hex'))
  using third = new RawConnection(port, '127.0.0.2')
  assert.equal(await third.untilClosed(), '', 'one peer has two')
  assert.equal((await askSecurely(port, {})).text, 'ok')
  await Promise.all([silent.untilClosed(), half.untilClosed()])
  using slow = await connectSecurely(port)
  slow.write('GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ')
  const [answer] = await once(slow, 'data')
  assert.match(String(answer), /^HTTP\/1\.1 408 /)
})

test('a flood of handshakes that fail leaves no connection behind', async () => {
  await using certificate = await TestCertificate.make()
  await using listeners = await open(certificate, { limits: { maxConnectionsPerPeer: 5, maxConnections: 5 } })
  const port = portOf(listeners)
  for (let time = 0; time < 50; time += 1) {
    using plain = new RawConnection(port)
    plain.write(time % 2 === 0 ? GET : '\x16\x03\x01\x00\x05hello')
    await plain.untilClosed()
  }
  assert.equal((await askSecurely(port, {})).text, 'ok')
})

test('closing cuts handshakes and idle connections, and waits for the answer in flight', async () => {
  await using certificate = await TestCertificate.make()
  const asked = Promise.withResolvers<ServerResponse>()
  await using listeners = await open(certificate, { handler: (_request, response) => asked.resolve(response) })
  const port = portOf(listeners)
  const silent = connect({ port, host: '127.0.0.1' })
  await once(silent, 'connect')
  const idle = await connectSecurely(port)
  const answer = askSecurely(port, {})
  const response = await asked.promise
  const ends = [silent, idle].map((socket) => once(socket.resume(), 'close'))
  const closed = listeners.close()
  await Promise.all(ends)
  response.end('late')
  assert.deepEqual([(await answer).text, (await answer).headers.connection], ['late', 'close'])
  await closed
})

test('A49: the guards hold over TLS: hosts, origins, sizes, the one way to write a target', async () => {
  await using certificate = await TestCertificate.make()
  await using face = await serveFace({ node: fakeNode() }, {}, certificate)
  const host = `localhost:${face.port}`
  const asked = async (headers: Record<string, string>): Promise<number> =>
    (await askSecurely(face.port, { path: '/health', headers: { host, ...headers } })).status
  assert.equal(await asked({ origin: `https://${host}` }), 200)
  assert.equal(await asked({ host: 'evil.example' }), 421)
  assert.equal(await asked({ origin: 'https://evil.example' }), 403)
  assert.equal(await asked({ 'sec-fetch-site': 'cross-site' }), 403)
  const body = JSON.stringify({ id: 'x', input: 'x'.repeat(70_000) })
  assert.equal((await askSecurely(face.port, { method: 'POST', headers: { host }, body })).status, 413)
  using raw = await connectSecurely(face.port)
  raw.end('GET http://localhost/ HTTP/1.1\r\nHost: localhost\r\n\r\n')
  assert.match(String((await once(raw, 'data'))[0]), /^HTTP\/1\.1 400 /)
})

test('what HTTPS needs is loaded with the first certificate alone', async () => {
  await using certificate = await TestCertificate.make()
  const script = `
    import { Listeners } from ${JSON.stringify(join(import.meta.dirname, 'listeners.ts'))}
    const address = { host: '127.0.0.1', port: 0 }
    const log = { info() {}, warn() {}, error() {}, debug() {} }
    const clock = { wallMs: () => 0, monotonicMs: () => 0, setTimer: () => ({ [Symbol.dispose]() {} }) }
    for (const tls of [undefined, ${JSON.stringify({ certPath: certificate.certPath, keyPath: certificate.keyPath })}]) {
      const deps = { handlerFor: () => () => {}, log, clock }
      await using listeners = await Listeners.open([{ address, tls }], deps, new AbortController().signal)
      console.log(process.moduleLoadList.includes('NativeModule https'))
    }`
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script])
  assert.equal(stdout, 'false\ntrue\n')
})
