import assert from 'node:assert/strict'
import { lookup } from 'node:dns/promises'
import { once } from 'node:events'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { Client } from 'undici'
import { ensureImage } from '../../examples/tasks/offline/sample-images.ts'
import { type Clock, systemClock } from '../../src/core/clock.ts'
import { FakeEngine } from '../../src/engine/fake/fake-engine.ts'
import { digestOf, type KeptToken, newSecret } from '../../src/http/auth-token.ts'
import { TokenFile } from '../../src/http/auth-token-file.ts'
import { DISK_PERIOD_MS } from '../../src/instance/disk-watch.ts'
import { AsyncActivity } from '../support/async-activity.ts'
import { startDaemon, type TestDaemon } from '../support/daemon.ts'
import { DOCKER_SOCKET } from '../support/engine-host.ts'
import { EngineProxy } from '../support/engine-proxy.ts'

const options = { timeout: 300_000 }

/**
 * The shared sweep of the requests' deadlines, the watch over the event loop, and the samples of the host's load: what passes
 * with time, not with requests.
 */
const [SWEEP_MS, WATCH_MS, SAMPLE_MS] = [250, 250, 1000]
const NEVER_MS = 3_600_000

/** Counts timers. Looks at the disks of tasks come with time, not with requests: they are put off. */
class CountingClock implements Clock {
  timers = 0

  wallMs(): number {
    return systemClock.wallMs()
  }

  monotonicMs(): number {
    return systemClock.monotonicMs()
  }

  setTimer(delayMs: number, callback: () => void): Disposable {
    this.timers += 1
    return systemClock.setTimer(delayMs === DISK_PERIOD_MS ? NEVER_MS : delayMs, callback)
  }
}

/** Sends so many requests, one after the other on one connection, and checks each answer. */
async function send(client: Client, id: string, times: number): Promise<void> {
  const headers = { 'content-type': 'application/json' }
  for (let time = 0; time < times; time += 1) {
    const body = JSON.stringify({ id, input: `number ${time}`, resource: { cpu: 0.5, mem: 64 } })
    const response = await client.request({ method: 'POST', path: '/', headers, body })
    assert.deepEqual(await response.body.json(), { success: true, msg: `number ${time}` })
  }
}

/** Timers of a daemon without a request. */
function passing(elapsedMs: number): number {
  return Math.ceil(elapsedMs / WATCH_MS) + Math.ceil(elapsedMs / SAMPLE_MS)
}

/** A client whose connection is open, and a task that is warm. */
async function warmUp(node: TestDaemon, id: string): Promise<Client> {
  const client = new Client(node.url)
  await send(client, id, 5)
  return client
}

test('file access, look-ups and connections are seen by what the tests below count with', async () => {
  using activity = new AsyncActivity()
  await stat('/proc')
  await lookup('localhost')
  const socket = connect(DOCKER_SOCKET)
  await once(socket, 'connect')
  socket.destroy()
  assert.deepEqual(Object.keys(activity.costly).sort(), [
    'FSREQPROMISE',
    'GETADDRINFOREQWRAP',
    'PIPECONNECTWRAP',
    'PIPEWRAP',
  ])
})

describe('500 warm requests in a row', options, () => {
  test('cost no engine call, no file access, no look-up, no connection, and no timer of their own', async () => {
    const sockets = new Set<unknown>()
    const engine = new FakeEngine()
    engine.addImage('echo', {
      mark: 'meca-init-done',
      serve: (request, response) => {
        sockets.add(request.socket)
        request.pipe(response)
      },
    })
    const clock = new CountingClock()
    await using node = await startDaemon([], { openEngine: async () => engine, clock })
    const client = await warmUp(node, 'echo')
    const [calls, timers, startedMs] = [{ ...engine.calls }, clock.timers, performance.now()]
    using activity = new AsyncActivity()
    await send(client, 'echo', 500)
    const elapsedMs = performance.now() - startedMs
    assert.deepEqual({ ...engine.calls }, calls)
    assert.deepEqual(activity.costly, {})
    assert.equal(sockets.size, 1)
    const most = Math.ceil(elapsedMs / SWEEP_MS) + passing(elapsedMs)
    assert.ok(clock.timers - timers <= most, `${clock.timers - timers} timers in ${elapsedMs} ms`)
    await client.close()
  })
})

/** Of the token file, and what one look costs: opening, asking and closing it. */
const [LOOK_MS, FILE_CALLS] = [250, 3]

/** The door of /v1 at which the invocations come in. */
interface Door {
  readonly setting: string
  enter(node: TestDaemon): Promise<{ readonly client: Client; readonly headers: Record<string, string> }>
  /** How many calls to files are for the time that passes, and not for requests. */
  mostFileCalls(elapsedMs: number): number
}

const DOORS: Readonly<Record<string, (folder: string) => Door>> = {
  'a unix socket': (folder) => ({
    setting: `unix:${folder}/v1.sock`,
    enter: async () => ({ client: new Client('http://localhost', { socketPath: `${folder}/v1.sock` }), headers: {} }),
    mostFileCalls: () => 0,
  }),
  'a listener with tokens': () => ({
    setting: '{ address: "127.0.0.1:0", auth: token }',
    enter: async ({ url, stateDir }) => {
      const secret = newSecret()
      const token: KeptToken = { id: 'ci', sha256: digestOf(secret), scopes: ['admin'], createdAt: 'now' }
      await new TokenFile(join(stateDir, 'tokens.json')).change(() => [token])
      return { client: new Client(url), headers: { authorization: `Bearer ci.${secret}` } }
    },
    mostFileCalls: (elapsedMs) => FILE_CALLS * Math.ceil(elapsedMs / LOOK_MS),
  }),
}

describe('500 warm invocations of a named task in a row', options, () => {
  for (const [name, openDoor] of Object.entries(DOORS)) {
    test(`by ${name} cost no engine call, no file access, look-up, connection or timer of their own`, async () => {
      const sockets = new Set<unknown>()
      const engine = new FakeEngine()
      engine.addImage('echo', {
        serve: (request, response) => {
          sockets.add(request.socket)
          request.pipe(response)
        },
      })
      const clock = new CountingClock()
      await using held = new AsyncDisposableStack()
      const folder = await mkdtemp(join(tmpdir(), 'errand-hot-'))
      held.defer(() => rm(folder, { recursive: true }))
      const door = openDoor(folder)
      const node = held.use(
        await startDaemon([`listen=[${door.setting}]`], { openEngine: async () => engine, clock }, []),
      )
      const { client, headers } = await door.enter(node)
      held.defer(() => client.close())
      const definition = JSON.stringify({ image: 'echo', resources: { cpu: 0.5 } })
      const json = { ...headers, 'content-type': 'application/json' }
      const path = '/v1/tasks/echo'
      const defined = await client.request({ method: 'PUT', path, headers: json, body: definition })
      assert.equal(defined.statusCode, 201, await defined.body.text())
      const invoke = async (times: number): Promise<void> => {
        for (let time = 0; time < times; time += 1) {
          const asked = { method: 'POST', path: `${path}/invoke`, headers, body: `number ${time}` } as const
          const response = await client.request(asked)
          assert.equal(await response.body.text(), `number ${time}`)
        }
      }
      await invoke(5)
      const [calls, timers, startedMs] = [{ ...engine.calls }, clock.timers, performance.now()]
      using activity = new AsyncActivity()
      await invoke(500)
      const elapsedMs = performance.now() - startedMs
      const { FSREQPROMISE: ofFiles = 0, ...others } = activity.costly
      assert.deepEqual(others, {})
      const mostOfFiles = door.mostFileCalls(elapsedMs)
      assert.ok(ofFiles <= mostOfFiles, `${ofFiles} calls to files in ${elapsedMs} ms, more than ${mostOfFiles}`)
      assert.deepEqual({ ...engine.calls }, calls)
      assert.equal(sockets.size, 1)
      // The sweep of the callers' rights beside that of the requests.
      const most = 2 * Math.ceil(elapsedMs / SWEEP_MS) + passing(elapsedMs)
      assert.ok(clock.timers - timers <= most, `${clock.timers - timers} timers in ${elapsedMs} ms`)
    })
  }
})

describe('200 warm requests on the Docker Engine', options, () => {
  test('cost not a byte to the engine, no file access, no look-up and no connection', async () => {
    await using proxy = await EngineProxy.open()
    await using node = await startDaemon([proxy.setting], { clock: new CountingClock() })
    const id = await ensureImage('echo-socket')
    const client = await warmUp(node, id)
    const [pieces, requests] = [proxy.pieces, proxy.requests.length]
    using activity = new AsyncActivity()
    await send(client, id, 200)
    assert.deepEqual([proxy.pieces, proxy.requests.length], [pieces, requests])
    assert.deepEqual(activity.costly, {})
    await client.close()
  })
})
