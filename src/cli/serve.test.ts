import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ErrandError } from '../core/errors.ts'
import { settle } from '../core/manual-clock.ts'
import { StateFolderLocked } from '../service/state-folder.ts'
import { type OpenDaemon, type ServedDaemon, serve } from './serve.ts'
import { testTerminal } from './test-terminal.fixture.ts'

/** Errors only, so that the log stays quiet. */
const QUIET = { logLevel: 'error' }

/** A daemon that stops when told to, and not before `release`. */
class FakeDaemon implements ServedDaemon {
  readonly #stopped = Promise.withResolvers<void>()
  readonly #asked = Promise.withResolvers<void>()
  readonly #opened = Promise.withResolvers<void>()
  readonly stopped: Promise<void> = this.#stopped.promise
  /** Resolves when `stop` is called. */
  readonly asked: Promise<void> = this.#asked.promise
  readonly opened: Promise<void> = this.#opened.promise

  readonly open: OpenDaemon = async () => {
    this.#opened.resolve()
    return this
  }

  reloads = 0

  async reload(): Promise<void> {
    this.reloads += 1
  }

  failure: ErrandError | undefined

  stop(): Promise<void> {
    this.#asked.resolve()
    return this.stopped
  }

  /** What `POST /stop` comes to in the end. */
  release(): void {
    this.#stopped.resolve()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }
}

function failing(error: unknown): OpenDaemon {
  return () => Promise.reject(error)
}

for (const name of ['SIGTERM', 'SIGINT'] as const) {
  test(`the first ${name} stops the daemon and ends with 0`, async () => {
    const terminal = testTerminal()
    const daemon = new FakeDaemon()
    const status = serve(QUIET, daemon.open, terminal)
    await daemon.opened
    terminal.send(name)
    await daemon.asked
    daemon.release()
    assert.equal(await status, 0)
    assert.deepEqual(terminal.exits, [])
    assert.equal(terminal.listeners(), 0)
  })
}

test('SIGHUP takes up what was renewed, and on a terminal, which hangs up with it, stops the daemon', async () => {
  for (const isInteractive of [false, true]) {
    const terminal = testTerminal(isInteractive ? { columns: 80 } : {})
    const daemon = new FakeDaemon()
    const status = serve(QUIET, daemon.open, terminal)
    await daemon.opened
    await settle()
    terminal.send('SIGHUP')
    assert.equal(daemon.reloads, 1)
    if (!isInteractive) terminal.send('SIGTERM')
    await daemon.asked
    daemon.release()
    assert.deepEqual([await status, terminal.exits, terminal.listeners()], [0, [], 0])
  }
})

test('SIGHUP while the daemon opens does nothing: it reads everything then', async () => {
  const terminal = testTerminal()
  const opening = Promise.withResolvers<ServedDaemon>()
  const status = serve(QUIET, () => opening.promise, terminal)
  terminal.send('SIGHUP')
  const daemon = new FakeDaemon()
  opening.resolve(daemon)
  terminal.send('SIGTERM')
  daemon.release()
  assert.deepEqual([await status, daemon.reloads], [0, 0])
})

test('a second signal ends at once with 128 and its number', async () => {
  const terminal = testTerminal()
  const daemon = new FakeDaemon()
  const status = serve(QUIET, daemon.open, terminal)
  await daemon.opened
  terminal.send('SIGTERM')
  await daemon.asked
  assert.deepEqual(terminal.exits, [])
  terminal.send('SIGINT')
  assert.deepEqual(terminal.exits, [130])
  terminal.send('SIGTERM')
  assert.deepEqual(terminal.exits, [130, 143])
  daemon.release()
  await status
})

test('a daemon stopped over HTTP ends with 0', async () => {
  const daemon = new FakeDaemon()
  const status = serve(QUIET, daemon.open, testTerminal())
  await daemon.opened
  daemon.release()
  assert.equal(await status, 0)
})

test('a daemon that stops because its journal has failed ends with 74, so that it is started again', async () => {
  const terminal = testTerminal()
  const daemon = new FakeDaemon()
  const status = serve(QUIET, daemon.open, terminal)
  await daemon.opened
  daemon.failure = new ErrandError('storage_error', 'the journal has ended')
  daemon.release()
  assert.equal(await status, 74)
  assert.match(terminal.printed.stderr, /the journal has ended/)
})

test('a signal while the daemon opens aborts the opening and ends with 0', async () => {
  const terminal = testTerminal()
  const opening = Promise.withResolvers<void>()
  const status = serve(
    QUIET,
    (_config, _deps, signal) =>
      new Promise((_, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason))
        opening.resolve()
      }),
    terminal,
  )
  await opening.promise
  terminal.send('SIGTERM')
  assert.equal(await status, 0)
  assert.equal(terminal.printed.stderr, '')
})

test('a wrong configuration ends with 78 before anything is opened', async () => {
  const terminal = testTerminal({ environment: { ERRAND_CPUS: '1', ERRAND_MEM: 'x' } })
  const status = await serve({}, failing(new Error('must not be called')), terminal)
  assert.equal(status, 78)
  assert.equal(
    terminal.printed.stderr,
    'environment ERRAND_CPUS: is not a known variable; the nearest is ERRAND_CPU\n' +
      'environment ERRAND_MEM: mem: must be a whole number of MB from 6 up, not "x"\n',
  )
})

test('each way in which a daemon cannot open has its status and one sentence without a stack', async () => {
  const holder = { pid: 7, host: 'h', startedAt: '2026-01-01T00:00:00.000Z' }
  const failures: [unknown, number, string][] = [
    [
      new StateFolderLocked('/s', holder),
      75,
      'the state folder /s is in use by process 7 on h, started 2026-01-01T00:00:00.000Z',
    ],
    [new ErrandError('storage_error', 'installation.json is damaged'), 74, 'installation.json is damaged'],
    [new ErrandError('engine_unavailable', 'no answer'), 69, 'no answer'],
    [new ErrandError('network_unavailable', 'no rule'), 69, 'no rule'],
    [new ErrandError('already_exists', 'port taken'), 69, 'port taken'],
    [new ErrandError('forbidden', 'port 80 is not yours'), 77, 'port 80 is not yours'],
    [new TypeError('x is undefined'), 70, 'x is undefined'],
  ]
  for (const [error, status, sentence] of failures) {
    const terminal = testTerminal()
    assert.equal(await serve(QUIET, failing(error), terminal), status)
    assert.equal(terminal.printed.stderr, `errand: ${sentence}\n`)
  }
})

test('an error that nobody caught ends at once with 70', async () => {
  const terminal = testTerminal()
  const daemon = new FakeDaemon()
  const status = serve(QUIET, daemon.open, terminal)
  await daemon.opened
  terminal.fault(new Error('lost'))
  assert.deepEqual(terminal.exits, [70])
  assert.equal(terminal.printed.stderr, 'errand: lost\n')
  daemon.release()
  await status
})
