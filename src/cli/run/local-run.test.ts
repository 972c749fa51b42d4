import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { FakeDocker } from '../../../test/support/fake-docker.ts'
import { Daemon } from '../../daemon/daemon.ts'
import { abortable } from '../../util/abort.ts'
import { runCommand } from '../program.ts'
import type { OpenDaemon } from '../serve.ts'
import { type TestTerminal, testTerminal } from '../test-terminal.fixture.ts'

const CONFIG = '/etc/errand/errand.yaml'

interface Begun {
  readonly terminal: TestTerminal
  readonly engine: FakeDocker
  /** Where its daemon keeps its state. */
  readonly folder: string
  readonly ended: Promise<number>
}

/** Runs something here that ends only when it is killed, and resolves once it runs. */
async function begin(): Promise<Begun> {
  const engine = new FakeDocker({ images: { stubborn: { ignores: 'all' } } })
  let folder = ''
  const open: OpenDaemon = (config, deps, signal) => {
    folder = config.stateDir
    return Daemon.open(config, { ...deps, openEngine: async () => engine }, signal)
  }
  const terminal = testTerminal({ columns: 80, files: { [CONFIG]: 'resources: {hostCheck: none}\n' } })
  const ended = runCommand(['run', '--local', 'stubborn'], open, terminal)
  while (!engine.sandboxes.some(({ state }) => state === 'running')) {
    assert.equal(terminal.printed.stderr.match(/errand: .*/)?.[0], undefined)
    await setImmediate()
  }
  return { terminal, engine, folder, ended }
}

async function assertGone({ terminal, engine, folder, ended }: Begun, status: number): Promise<void> {
  assert.equal(await ended, status)
  assert.deepEqual(engine.sandboxes, [], 'no sandbox is left')
  assert.ok(!existsSync(dirname(folder)))
  assert.deepEqual([terminal.exits, terminal.listeners()], [[], 0])
  assert.doesNotMatch(terminal.printed.stderr, /left/)
}

test('without a daemon a second Ctrl-C kills what runs and removes it', { timeout: 30_000 }, async () => {
  const run = await begin()
  run.terminal.send('SIGINT')
  assert.match(run.terminal.printed.stderr, /cancelling; press Ctrl-C again to kill it/)
  run.terminal.send('SIGINT')
  await assertGone(run, 130)
})

test('without a daemon a terminal that is hung up ends what runs', { timeout: 30_000 }, async () => {
  const run = await begin()
  run.terminal.send('SIGHUP')
  run.terminal.send('SIGHUP')
  await assertGone(run, 130)
})

test('without a daemon a reader that leaves ends what runs', { timeout: 30_000 }, async () => {
  const run = await begin()
  run.terminal.loseReader(141)
  await assertGone(run, 141)
})

test('without a daemon a fault of ours ends what runs', { timeout: 30_000 }, async () => {
  const run = await begin()
  run.terminal.fault(new Error('a fault'))
  await assertGone(run, 125)
  assert.match(run.terminal.printed.stderr, /errand: a fault$/m)
})

test('a Ctrl-C while a daemon is opened for it is 130, too', { timeout: 30_000 }, async () => {
  const begun = Promise.withResolvers<string>()
  const open: OpenDaemon = ({ stateDir }, _deps, signal) => {
    begun.resolve(stateDir)
    return abortable(new Promise(() => {}), signal)
  }
  const terminal = testTerminal({ files: { [CONFIG]: '' } })
  const ended = runCommand(['run', '--local', 'image'], open, terminal)
  const folder = await begun.promise
  terminal.send('SIGINT')
  assert.equal(await ended, 130)
  assert.deepEqual([terminal.printed.stderr, terminal.listeners(), existsSync(dirname(folder))], ['', 0, false])
})
