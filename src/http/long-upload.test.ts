import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type IncomingMessage, type RequestListener, request } from 'node:http'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { systemClock } from '../core/clock.ts'
import { silentLog } from '../core/log.ts'
import { Listeners } from './listeners.ts'
import { allowLongUpload } from './long-upload.ts'

const LIMITS = { requestTimeoutMs: 200, headersTimeoutMs: 200, checkIntervalMs: 20 }

/** What is answered to a request whose body takes five times as long as a request may. */
async function sendSlowly(handler: RequestListener): Promise<number> {
  await using listeners = await Listeners.open(
    [
      {
        address: { host: '127.0.0.1', port: 0 },
        isLoopback: true,
        faces: new Set(['v1']),
        auth: 'none',
        hasControl: false,
      },
    ],
    { handlerFor: () => handler, log: silentLog, limits: LIMITS, clock: systemClock },
    new AbortController().signal,
  )
  const [address] = listeners.addresses
  assert.ok(address !== undefined && 'port' in address)
  const sent = request({ port: address.port, host: '127.0.0.1', method: 'PUT', agent: false })
  sent.on('error', () => {}) // a refusal may come before everything is sent
  const answered = once(sent, 'response') as Promise<[IncomingMessage]>
  for (let piece = 0; piece < 10; piece += 1) {
    if (!sent.destroyed) sent.write('x')
    await sleep(100)
  }
  sent.end()
  const [response] = await answered
  response.resume()
  return response.statusCode ?? 0
}

const count: RequestListener = (incoming, response) => {
  incoming.resume().once('end', () => response.writeHead(201).end())
}

test('a request that is not sent whole in its time is refused', async () => {
  assert.equal(await sendSlowly(count), 408)
})

test('one whose body is read for as long as it goes on may take longer', async () => {
  const status = await sendSlowly((incoming, response) => {
    allowLongUpload(incoming)
    count(incoming, response)
  })
  assert.equal(status, 201)
})
