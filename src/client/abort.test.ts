import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { settle } from '../core/manual-clock.ts'
import { ErrandClient } from './client.ts'
import { PlayedServer, says, sends } from './played-server.fixture.ts'

const silent = (): void => {}

/** One of every kind of call. */
const CALLS: Readonly<Record<string, (errand: ErrandClient, signal?: AbortSignal) => Promise<unknown>>> = {
  look: (errand, signal) => errand.node.get({ ...(signal && { signal }) }),
  submit: (errand, signal) => errand.executions.submit({ task: { image: 'x' } }, { ...(signal && { signal }) }),
  run: (errand, signal) => errand.executions.run({ task: { image: 'x' } }, { ...(signal && { signal }) }),
  wait: (errand, signal) => errand.executions.wait('a', { ...(signal && { signal }) }),
  'wait with an end': (errand, signal) => errand.executions.wait('a', { timeoutMs: 1e6, ...(signal && { signal }) }),
  exec: (errand, signal) => errand.executions.exec('a', ['true'], { ...(signal && { signal }) }),
  list: (errand, signal) => errand.executions.list({ ...(signal && { signal }) }).next(),
  logs: (errand, signal) => errand.executions.logs('a', { ...(signal && { signal }) }).next(),
  invoke: (errand, signal) => errand.invoke('a', { ...(signal && { signal }) }),
  outputs: (errand, signal) => errand.executions.outputs('a', undefined, { ...(signal && { signal }) }),
  events: (errand, signal) => errand.events({ ...(signal && { signal }) }).next(),
}

async function untilAsked(server: PlayedServer): Promise<void> {
  while (server.requests.length === 0) await setImmediate()
}

async function untilAlone(server: PlayedServer): Promise<void> {
  while (server.sockets.size > 0) await setImmediate()
}

/** For every kind of call, on a server of its own. */
async function forEachCall(
  t: TestContext,
  check: (call: (typeof CALLS)[string], server: PlayedServer) => Promise<void>,
): Promise<void> {
  for (const [name, call] of Object.entries(CALLS)) {
    await t.test(name, { timeout: 30_000 }, async () => {
      await using server = await PlayedServer.open(silent)
      await check(call, server)
    })
  }
}

test('a call that is aborted rejects with the reason of its signal, and its connection is closed', async (t) => {
  await forEachCall(t, async (call, server) => {
    await using errand = new ErrandClient({ url: server.url })
    const controller = new AbortController()
    const called = call(errand, controller.signal)
    await untilAsked(server)
    const reason = new Error('enough')
    controller.abort(reason)
    await assert.rejects(called, (error) => error === reason)
    await untilAlone(server)
    assert.equal(server.requests.length, 1)
  })
})

test('a call of a signal that is aborted asks for nothing', async (t) => {
  await forEachCall(t, async (call, server) => {
    await using errand = new ErrandClient({ url: server.url })
    const reason = new Error('before')
    await assert.rejects(call(errand, AbortSignal.abort(reason)), (error) => error === reason)
    assert.equal(server.requests.length, 0)
  })
})

test('the signal of a client ends all its calls', async (t) => {
  await forEachCall(t, async (call, server) => {
    const controller = new AbortController()
    await using errand = new ErrandClient({ url: server.url, signal: controller.signal })
    const called = call(errand)
    await untilAsked(server)
    const reason = new Error('all of it')
    controller.abort(reason)
    await assert.rejects(called, (error) => error === reason)
    await untilAlone(server)
  })
})

test('closing a client ends what is under way and what comes later, and leaves no connection', async (t) => {
  await forEachCall(t, async (call, server) => {
    const errand = new ErrandClient({ url: server.url })
    const called = call(errand)
    await untilAsked(server)
    const ended = assert.rejects(called, { code: 'cancelled', message: 'the client was closed' })
    await errand.close()
    await ended
    await assert.rejects(call(errand), { code: 'cancelled' })
    await untilAlone(server)
    await errand.close()
  })
})

test('an abort ends the time between two attempts', async () => {
  await using server = await PlayedServer.open(
    says(503, 'application/problem+json', JSON.stringify({ code: 'draining', detail: '', retryAfterMs: 1e6 })),
  )
  await using errand = new ErrandClient({ url: server.url, patienceMs: Infinity })
  const controller = new AbortController()
  const called = errand.executions.submit({ task: { image: 'x' } }, { signal: controller.signal })
  await untilAsked(server)
  await settle()
  const reason = new Error('enough')
  controller.abort(reason)
  await assert.rejects(called, (error) => error === reason)
})

test('a loop over output that is left, or ended by its signal, closes its connection', async () => {
  const line = '{"seq":1,"time":"2026-01-01T00:00:00.000Z","stream":"stdout","data":"1"}'
  await using server = await PlayedServer.open(sends(`id: 1\nevent: log\ndata: ${line}\n\n`))
  await using errand = new ErrandClient({ url: server.url })
  for await (const { seq } of errand.executions.logs('a', { follow: true })) {
    assert.equal(seq, 1)
    break
  }
  await untilAlone(server)
  const controller = new AbortController()
  const reason = new Error('enough')
  const loop = async (): Promise<void> => {
    for await (const _line of errand.executions.logs('a', { follow: true, signal: controller.signal })) {
      controller.abort(reason)
    }
  }
  await assert.rejects(loop, (error) => error === reason)
  await untilAlone(server)
})
