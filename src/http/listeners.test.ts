import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { lstat, mkdtemp, rm, writeFile } from 'node:fs/promises'
import type { RequestListener, ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock } from '../core/clock.ts'
import { silentLog } from '../core/log.ts'
import { assertListenable } from './assert-listenable.ts'
import type { ListenAddress, ListenerConfig } from './listener-config.ts'
import { Listeners } from './listeners.ts'
import { ask, fakeNode, RawConnection, serveFace } from './wire-kit.fixture.ts'

const LOOPBACK = { host: '127.0.0.1', port: 0 }

function open(addresses: readonly ListenAddress[], handler: RequestListener = answerOk): Promise<Listeners> {
  const configs = addresses.map((address): ListenerConfig => {
    return { address, isLoopback: true, faces: new Set(['meca']), auth: 'none', hasControl: true }
  })
  const deps = { handlerFor: () => handler, clock: systemClock, log: silentLog }
  return Listeners.open(configs, deps, new AbortController().signal)
}

const answerOk: RequestListener = (_request, response) => {
  response.end('ok')
}

function portOf(listeners: Listeners, index = 0): number {
  const address = listeners.addresses[index]
  assert.ok(address !== undefined && 'port' in address)
  return address.port
}

async function temporaryFolder(): Promise<AsyncDisposable & { socketPath: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'errand-http-'))
  const dispose = (): Promise<void> => rm(folder, { recursive: true })
  return { socketPath: join(folder, 'errand.sock'), [Symbol.asyncDispose]: dispose }
}

test('TCP and unix listeners open together and tell their real addresses', async () => {
  await using folder = await temporaryFolder()
  const { socketPath } = folder
  await using listeners = await open([LOOPBACK, { unixPath: socketPath }])
  const port = portOf(listeners)
  assert.notEqual(port, 0)
  assert.deepEqual(listeners.addresses, [{ host: '127.0.0.1', port }, { unixPath: socketPath }])
  assert.equal((await ask(port, {})).text, 'ok')
  assert.equal((await ask(0, { socketPath })).text, 'ok')
})

test('a unix socket is for its owner and group, and gone when closed', async () => {
  await using folder = await temporaryFolder()
  const maskBefore = process.umask()
  const listeners = await open([{ unixPath: folder.socketPath }])
  assert.equal((await lstat(folder.socketPath)).mode & 0o777, 0o660)
  assert.equal(process.umask(), maskBefore)
  await listeners.close()
  await assert.rejects(lstat(folder.socketPath), { code: 'ENOENT' })
})

test('the socket of a dead process is replaced', async () => {
  await using folder = await temporaryFolder()
  const script = `require('net').createServer().listen(${JSON.stringify(folder.socketPath)}, () => process.kill(process.pid, 9))`
  await once(spawn(process.execPath, ['-e', script], { stdio: 'ignore' }), 'exit')
  assert.ok((await lstat(folder.socketPath)).isSocket(), 'the dead process left its socket')
  await using listeners = await open([{ unixPath: folder.socketPath }])
  assert.equal((await ask(0, { socketPath: folder.socketPath })).text, 'ok')
  assert.equal(listeners.addresses.length, 1)
})

test('a socket on which somebody listens, and a file that is no socket, are left alone', async () => {
  await using folder = await temporaryFolder()
  const { socketPath } = folder
  await using first = await open([{ unixPath: socketPath }])
  await assert.rejects(open([{ unixPath: socketPath }]), { code: 'already_exists', message: /another process listens/ })
  assert.equal((await ask(0, { socketPath })).text, 'ok')
  await first.close()

  await writeFile(socketPath, 'precious')
  await assert.rejects(open([{ unixPath: socketPath }]), { code: 'already_exists', message: /not a socket/ })
  assert.equal((await lstat(socketPath)).size, 8)
})

test('an address that cannot be had is named, and nothing stays open', async () => {
  await using first = await open([LOOPBACK])
  const port = portOf(first)
  await using folder = await temporaryFolder()
  const taken = { host: '127.0.0.1', port }
  await assert.rejects(open([{ unixPath: folder.socketPath }, taken]), {
    name: 'ErrandError',
    code: 'already_exists',
    message: `cannot listen on 127.0.0.1:${port}: another process listens there`,
  })
  await assert.rejects(lstat(folder.socketPath), { code: 'ENOENT' }, 'the listener opened before is closed')
  await assert.rejects(open([{ host: '192.0.2.1', port: 0 }]), { code: 'validation_failed' })
  await assert.rejects(open([{ unixPath: '/nowhere/errand.sock' }]), { code: 'validation_failed' })
  await assert.rejects(open([{ unixPath: `/tmp/${'x'.repeat(120)}` }]), { code: 'validation_failed' })
})

test('an address is known for one that can be had without listening there', async () => {
  await using first = await open([LOOPBACK])
  await using folder = await temporaryFolder()
  const taken = { host: '127.0.0.1', port: portOf(first) }
  for (const host of ['127.0.0.1', '0.0.0.0']) {
    await assert.rejects(assertListenable({ address: { ...taken, host } }), {
      code: 'already_exists',
      message: `cannot listen on ${host}:${taken.port}: another process listens there`,
    })
  }
  await assert.rejects(assertListenable({ address: { host: '192.0.2.1', port: 2591 } }), { code: 'validation_failed' })
  await assertListenable({ address: LOOPBACK })
  await assertListenable({ address: { unixPath: folder.socketPath } })
  await writeFile(folder.socketPath, 'precious')
  await assert.rejects(assertListenable({ address: { unixPath: folder.socketPath } }), { code: 'already_exists' })
  await first.close()
  await assertListenable({ address: taken })
  await using again = await open([taken])
  assert.equal(portOf(again), taken.port)
})

test('an abort before opening opens nothing', async () => {
  const config: ListenerConfig = {
    address: LOOPBACK,
    isLoopback: true,
    faces: new Set(['meca']),
    auth: 'none',
    hasControl: true,
  }
  const deps = { handlerFor: () => answerOk, clock: systemClock, log: silentLog }
  await assert.rejects(Listeners.open([config], deps, AbortSignal.abort(new Error('stop'))), { message: 'stop' })
})

test('closing ends idle, silent and half-said connections, and waits for the answer in flight', async () => {
  const asked = Promise.withResolvers<ServerResponse>()
  const handler: RequestListener = (request, response) => {
    if (request.url === '/slow') asked.resolve(response)
    else response.end('ok')
  }
  await using listeners = await open([LOOPBACK], handler)
  const port = portOf(listeners)
  using silent = new RawConnection(port)
  using idle = new RawConnection(port)
  using halfSaid = new RawConnection(port)
  await once(silent.socket, 'connect')
  for (const connection of [idle, halfSaid]) {
    connection.write('GET / HTTP/1.1', 'Host: localhost', '', '')
    await connection.until('ok')
  }
  halfSaid.write('GET / HTTP/1.1', 'Host:')
  using slow = new RawConnection(port)
  slow.write('GET /slow HTTP/1.1', 'Host: localhost', '', '')
  const response = await asked.promise

  let isClosed = false
  const closed = listeners.close().then(() => {
    isClosed = true
  })
  for (const connection of [silent, idle, halfSaid]) await connection.untilClosed()
  await assert.rejects(ask(port, {}), { code: 'ECONNREFUSED' })
  assert.equal(isClosed, false)
  response.end('late')
  assert.match(await slow.untilClosed(), /Connection: close.*late$/s)
  await closed
})

test('an answer whose head was out before closing ends its connection too', async () => {
  const asked = Promise.withResolvers<ServerResponse>()
  await using listeners = await open([LOOPBACK], (_request, response) => {
    response.write('head')
    asked.resolve(response)
  })
  using connection = new RawConnection(portOf(listeners))
  connection.write('GET / HTTP/1.1', 'Host: localhost', '', '')
  const response = await asked.promise
  await connection.until('head')
  const closed = listeners.close()
  response.end()
  await connection.untilClosed()
  await closed
})

test('a caller that cuts its connection within an answer does not end those of others', async () => {
  const gone = Promise.withResolvers<void>()
  await using listeners = await open([LOOPBACK], (request, response) => {
    if (request.url !== '/stream') return void response.end('ok')
    response.once('close', gone.resolve)
    response.write('head')
  })
  using other = new RawConnection(portOf(listeners))
  other.write('GET / HTTP/1.1', 'Host: localhost', '', '')
  await other.until('ok')
  const cut = connect(portOf(listeners), '127.0.0.1')
  cut.write('GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n')
  await once(cut, 'data')
  cut.resetAndDestroy()
  await gone.promise
  other.write('GET / HTTP/1.1', 'Host: localhost', 'Connection: close', '', '')
  assert.equal((await other.untilClosed()).split('ok').length, 3)
})

test('disposing cuts what closing waits for', async () => {
  const asked = Promise.withResolvers<void>()
  const listeners = await open([LOOPBACK], () => asked.resolve())
  using connection = new RawConnection(portOf(listeners))
  connection.write('GET / HTTP/1.1', 'Host: localhost', '', '')
  await asked.promise
  const closed = listeners.close()
  await listeners[Symbol.asyncDispose]()
  await closed
  assert.equal(await connection.untilClosed(), '')
  await listeners.close()
})

test('connections above the bound are cut at once, those below it go on', async () => {
  await using face = await serveFace({ node: fakeNode() }, { maxConnections: 1 })
  using first = new RawConnection(face.port)
  first.write('GET /health HTTP/1.1', 'Host: localhost', '', '')
  await first.until('"ok"')
  using second = new RawConnection(face.port)
  assert.equal(await second.untilClosed(), '')
  first.write('GET /health HTTP/1.1', 'Host: localhost', 'Connection: close', '', '')
  assert.equal((await first.untilClosed()).split('"ok"').length, 3)
})
