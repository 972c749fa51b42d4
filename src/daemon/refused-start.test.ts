import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { silentLog } from '../core/log.ts'
import { FakeEngine } from '../engine/fake/fake-engine.ts'
import { JOURNAL_FILE } from '../journal/sqlite/sqlite-journal.ts'
import { loadConfig } from './config/load.ts'
import { Daemon } from './daemon.ts'

async function refusedBeforeEngine(set: readonly string[], expected: object): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'errand-refused-'))
  try {
    const { config } = loadConfig({ stateDir: join(folder, 'state'), runDir: join(folder, 'run'), set: [...set] })
    const openEngine = (): never => assert.fail('the engine was opened')
    await assert.rejects(Daemon.open(config, { log: silentLog, openEngine }, AbortSignal.timeout(30_000)), expected)
  } finally {
    await rm(folder, { recursive: true })
  }
}

test('an address that is taken is found before anything is made at the engine', async () => {
  const holder = createServer().listen(0, '127.0.0.1')
  await once(holder, 'listening')
  const { port } = holder.address() as AddressInfo
  try {
    await refusedBeforeEngine([`listen=["127.0.0.1:0", "127.0.0.1:${port}"]`], { code: 'already_exists' })
  } finally {
    holder.close()
  }
})

test('a certificate that is not there is found before anything is made at the engine', async () => {
  const listener = '{address: "127.0.0.1:0", tls: {cert: /nowhere/cert.pem, key: /nowhere/key.pem}}'
  await refusedBeforeEngine([`listen=[${listener}]`], {
    code: 'validation_failed',
    message: 'listen: tls: /nowhere/cert.pem cannot be read (ENOENT)',
  })
})

class WatchedEngine extends FakeEngine {
  isClosed = false

  override async [Symbol.asyncDispose](): Promise<void> {
    await super[Symbol.asyncDispose]()
    this.isClosed = true
  }
}

test('F20: a start that fails on a damaged journal closes the engine', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'errand-refused-'))
  const engine = new WatchedEngine()
  try {
    const stateDir = join(folder, 'state')
    await mkdir(stateDir)
    await writeFile(join(stateDir, JOURNAL_FILE), 'no database at all')
    const { config } = loadConfig({ stateDir, runDir: join(folder, 'run'), set: ['listen=["127.0.0.1:0"]'] })
    const opening = Daemon.open(config, { log: silentLog, openEngine: async () => engine }, AbortSignal.timeout(30_000))
    await assert.rejects(opening, { code: 'storage_error', message: /damaged/ })
    assert.equal(engine.isClosed, true)
  } finally {
    await engine[Symbol.asyncDispose]()
    await rm(folder, { recursive: true })
  }
})
