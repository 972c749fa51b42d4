import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, test } from 'node:test'
import { systemClock } from '../core/clock.ts'
import { ErrandError, type ErrorCode } from '../core/errors.ts'
import { TestCertificate } from '../http/test-certificate.fixture.ts'
import { AddressGuard } from './address-guard.ts'
import { Receiver } from './receiver.fixture.ts'
import { WebhookSender, type WebhookSenderDeps } from './webhook-sender.ts'

const { signal } = new AbortController()

function senderWith(deps: Partial<WebhookSenderDeps> = {}): WebhookSender {
  return new WebhookSender({
    guard: new AddressGuard(['127.0.0.1']),
    clock: systemClock,
    timeoutMs: 30_000,
    userAgent: 'errand/test',
    ...deps,
  })
}

function coded(code: ErrorCode, text?: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof ErrandError)
    assert.equal(error.code, code, error.message)
    if (text !== undefined) assert.match(error.message, text)
    return true
  }
}

/** A server that does with its requests what a test says. */
async function serve(server: Server): Promise<{ url: URL } & AsyncDisposable> {
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return {
    url: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`),
    async [Symbol.asyncDispose]() {
      server.close()
      server.closeAllConnections()
    },
  }
}

describe('a webhook is sent', () => {
  test('as it is, by the name that is ours', async () => {
    await using receiver = await Receiver.open(() => 202)
    assert.equal(await senderWith().post(new URL(receiver.url), { 'webhook-id': 'a' }, '{"é":1}', signal), 202)
    const [seen] = receiver.received
    assert.deepEqual(
      [seen?.method, seen?.url, seen?.body, seen?.headers['user-agent'], seen?.headers['content-type']],
      ['POST', '/hook', '{"é":1}', 'errand/test', 'application/json'],
    )
    assert.equal(seen?.headers.host, `127.0.0.1:${receiver.port}`)
  })

  test('to the address that was looked at, whatever its name means a moment later', async () => {
    await using receiver = await Receiver.open()
    const answers = [['127.0.0.1'], ['169.254.169.254'], ['127.0.0.2']]
    let asked = 0
    const resolve = async (): Promise<{ address: string; family: number }[]> => {
      const addresses = answers[asked] ?? []
      asked += 1
      return addresses.map((address) => ({ address, family: 4 }))
    }
    const sender = senderWith({ resolve })
    const url = new URL(`http://rebinding.example:${receiver.port}/`)
    assert.equal(await sender.post(url, {}, '{}', signal), 204)
    assert.equal(asked, 1, 'it is asked once')
    assert.equal(receiver.received[0]?.headers.host, `rebinding.example:${receiver.port}`)
    for (const _ of ['metadata', 'loopback'])
      await assert.rejects(sender.post(url, {}, '{}', signal), coded('forbidden'))
    assert.deepEqual([asked, receiver.received.length], [3, 1])
  })

  test('to no name one of whose addresses is not public', async () => {
    await using receiver = await Receiver.open()
    const resolve = async (): Promise<{ address: string; family: number }[]> => [
      { address: '127.0.0.1', family: 4 },
      { address: 'fe80::1', family: 6 },
    ]
    const sent = senderWith({ resolve }).post(new URL(`http://two.example:${receiver.port}/`), {}, '{}', signal)
    await assert.rejects(sent, coded('forbidden'))
    await assert.rejects(
      senderWith({ resolve: async () => [] }).post(new URL('http://x/'), {}, '', signal),
      coded('forbidden'),
    )
    assert.equal(receiver.received.length, 0)
  })

  test('to no address of this host, however it is written, unless the operator names it', async () => {
    await using receiver = await Receiver.open()
    const sender = senderWith({ guard: new AddressGuard([]) })
    for (const host of ['127.0.0.1', '2130706433', '0x7f.1', '[::1]', '[::ffff:127.0.0.1]', '0', 'localhost']) {
      await assert.rejects(
        sender.post(new URL(`http://${host}:${receiver.port}/`), {}, '{}', signal),
        coded('forbidden'),
      )
    }
    assert.equal(receiver.received.length, 0)
  })

  test('nowhere else, whatever its receiver says', async () => {
    await using receiver = await Receiver.open(() => 307)
    assert.equal(await senderWith().post(new URL(receiver.url), {}, '{}', signal), 307)
    assert.equal(receiver.received.length, 1)
  })

  test('over TLS to whom its certificate names', async () => {
    await using files = await TestCertificate.make()
    const [cert, key] = [await readFile(files.certPath), await readFile(files.keyPath)]
    await using receiver = await Receiver.open(undefined, { cert, key })
    const resolve = async (): Promise<{ address: string; family: number }[]> => [{ address: '127.0.0.1', family: 4 }]
    const trusting = senderWith({ resolve, ca: String(cert) })
    assert.equal(await trusting.post(new URL(`https://localhost:${receiver.port}/`), {}, '{}', signal), 204)
    await assert.rejects(
      trusting.post(new URL(`https://other.example:${receiver.port}/`), {}, '{}', signal),
      coded('network_unavailable', /ERR_TLS_CERT_ALTNAME_INVALID/),
    )
    await assert.rejects(
      senderWith({ resolve }).post(new URL(`https://localhost:${receiver.port}/`), {}, '{}', signal),
      coded('network_unavailable', /SELF_SIGNED/),
    )
    assert.equal(receiver.received.length, 1)
  })
})

describe('a receiver', () => {
  test('that says nothing is waited for so long, and no longer', async () => {
    await using silent = await serve(createServer(() => {}))
    const sender = senderWith({ timeoutMs: 50 })
    await assert.rejects(sender.post(silent.url, {}, '{}', signal), coded('deadline_exceeded', /50 ms/))
  })

  test('whose name nobody tells is waited for so long, too', async () => {
    const sender = senderWith({ timeoutMs: 50, resolve: () => new Promise(() => {}) })
    await assert.rejects(sender.post(new URL('http://slow.example/'), {}, '{}', signal), coded('deadline_exceeded'))
  })

  test('that never ends its answer is cut off, and has answered', async () => {
    const closed = Promise.withResolvers<void>()
    const endless = createServer((_request, response) => {
      response.once('close', closed.resolve)
      const more = (): void => {
        if (response.destroyed) return
        if (response.write(Buffer.alloc(16_384))) setImmediate(more)
        else response.once('drain', more)
      }
      more()
    })
    await using server = await serve(endless)
    assert.equal(await senderWith().post(server.url, {}, '{}', signal), 200)
    await closed.promise
  })

  test('that is not there is told by its kind of failure, and nothing else', async () => {
    const gone = await serve(createServer())
    await gone[Symbol.asyncDispose]()
    const failed = coded('network_unavailable', /^the receiver could not be asked: ECONNREFUSED$/)
    await assert.rejects(senderWith().post(gone.url, {}, '{}', signal), failed)
  })

  test('is left when the node stops', async () => {
    const asked = Promise.withResolvers<void>()
    await using silent = await serve(createServer(() => asked.resolve()))
    const stop = new AbortController()
    const sent = senderWith().post(silent.url, {}, '{}', stop.signal)
    await asked.promise
    const reason = new ErrandError('draining', 'stopping')
    stop.abort(reason)
    await assert.rejects(sent, reason)
  })
})
