import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { type TestContext, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { settle } from '../core/manual-clock.ts'
import { ErrandClient } from './client.ts'
import { PlayedServer, says, sends } from './played-server.fixture.ts'

const silent = (): void => {}

type Options = { readonly signal?: AbortSignal }

/** Every call. */
const CALLS: Readonly<Record<string, (errand: ErrandClient, options: Options) => Promise<unknown>>> = {
  submit: ({ executions }, options) => executions.submit({ task: { image: 'x' } }, options),
  run: ({ executions }, options) => executions.run({ task: { image: 'x' } }, options),
  get: ({ executions }, options) => executions.get('a', options),
  list: ({ executions }, options) => executions.list(options).next(),
  wait: ({ executions }, options) => executions.wait('a', options),
  'wait with an end': ({ executions }, options) => executions.wait('a', { timeoutMs: 1e6, ...options }),
  cancel: ({ executions }, options) => executions.cancel('a', options),
  pause: ({ executions }, options) => executions.pause('a', options),
  resume: ({ executions }, options) => executions.resume('a', options),
  exec: ({ executions }, options) => executions.exec('a', ['true'], options),
  stats: ({ executions }, options) => executions.stats('a', options),
  remove: ({ executions }, options) => executions.remove('a', options),
  uploadInputs: ({ executions }, options) => executions.uploadInputs('a', Readable.from(['some']), options),
  'uploadInputs without end': ({ executions }, options) => executions.uploadInputs('a', endless(), options),
  outputs: ({ executions }, options) => executions.outputs('a', undefined, options),
  logs: ({ executions }, options) => executions.logs('a', options).next(),
  'put a task': ({ tasks }, options) => tasks.put('a', { image: 'x' }, options),
  'get a task': ({ tasks }, options) => tasks.get('a', options),
  'list tasks': ({ tasks }, options) => tasks.list(options).next(),
  'remove a task': ({ tasks }, options) => tasks.remove('a', options),
  invoke: (errand, options) => errand.invoke('a', options),
  'invoke with a stream': (errand, options) => errand.invoke('a', { body: endless(), ...options }),
  'begin an invocation': ({ invocations }, options) => invocations.begin('a', { body: 'x', ...options }),
  'begin one with a stream': ({ invocations }, options) => invocations.begin('a', { body: endless(), ...options }),
  'get an invocation': ({ invocations }, options) => invocations.get('a', options),
  'list invocations': ({ invocations }, options) => invocations.list(options).next(),
  'wait for an invocation': ({ invocations }, options) => invocations.wait('a', options),
  'response of an invocation': ({ invocations }, options) => invocations.response('a', options),
  'remove an invocation': ({ invocations }, options) => invocations.remove('a', options),
  'list instances': ({ instances }, options) => instances.list(options),
  'get an instance': ({ instances }, options) => instances.get('a', options),
  'remove an instance': ({ instances }, options) => instances.remove('a', options),
  'get the node': ({ node }, options) => node.get(options),
  'pause the node': ({ node }, options) => node.pause(options),
  'unpause the node': ({ node }, options) => node.unpause(options),
  drain: ({ node }, options) => node.drain(options),
  config: ({ node }, options) => node.config(options),
  changeConfig: ({ node }, options) => node.changeConfig({ cpu: 1 }, options),
  configVersion: ({ node }, options) => node.configVersion(1, options),
  events: (errand, options) => errand.events(options).next(),
}

/** Says something, and then nothing more. */
function endless(): Readable {
  const stream = new Readable({ read() {} })
  stream.push('some')
  return stream
}

async function untilAsked(server: PlayedServer): Promise<void> {
  while (server.requests.length === 0) await setImmediate()
}

async function untilAlone(server: PlayedServer): Promise<void> {
  while (server.sockets.size > 0) await setImmediate()
}

/** For every call, on a server of its own. */
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

/** Hands on to a client, and notes what is called of it: `executions.get`. */
function noting<T extends object>(target: T, called: Set<string>, above = ''): T {
  return new Proxy(target, {
    get(_target, key) {
      const value: unknown = Reflect.get(target, key, target)
      if (typeof value === 'function') {
        called.add(`${above}${String(key)}`)
        return value.bind(target) as unknown
      }
      return typeof value === 'object' && value !== null ? noting(value, called, `${String(key)}.`) : value
    },
  })
}

/** What a client can be asked, by the same names. */
function callsOf(target: object, above = ''): string[] {
  const isCall = (name: string): boolean => !['constructor', 'close'].includes(name)
  const own = Object.getOwnPropertyNames(Object.getPrototypeOf(target)).filter(isCall)
  return [
    ...own.map((name) => `${above}${name}`),
    ...Object.entries(target).flatMap(([name, part]) => callsOf(part, `${name}.`)),
  ]
}

test('the calls that are tried here are all that there are', async () => {
  await using errand = new ErrandClient({ url: 'unix:///none/errand.sock' })
  const called = new Set<string>()
  const options = { signal: AbortSignal.abort(new Error('before')) }
  for (const call of Object.values(CALLS)) await assert.rejects(call(noting(errand, called), options))
  // A list is read by its pages.
  const expected = callsOf(errand).filter((name) => !name.endsWith('.page'))
  assert.ok(expected.length > 30)
  assert.deepEqual([...called].toSorted(), expected.toSorted())
})

test('a call that is aborted rejects with the reason of its signal, and its connection is closed', async (t) => {
  await forEachCall(t, async (call, server) => {
    await using errand = new ErrandClient({ url: server.url })
    const controller = new AbortController()
    const called = call(errand, { signal: controller.signal })
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
    await assert.rejects(call(errand, { signal: AbortSignal.abort(reason) }), (error) => error === reason)
    assert.equal(server.requests.length, 0)
  })
})

test('the signal of a client ends all its calls', async (t) => {
  await forEachCall(t, async (call, server) => {
    const controller = new AbortController()
    await using errand = new ErrandClient({ url: server.url, signal: controller.signal })
    const called = call(errand, {})
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
    const called = call(errand, {})
    await untilAsked(server)
    const ended = assert.rejects(called, { code: 'cancelled', message: 'the client was closed' })
    await errand.close()
    await ended
    await assert.rejects(call(errand, {}), { code: 'cancelled' })
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
