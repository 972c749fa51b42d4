import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { RecordingLog } from '../../test/support/recording-log.ts'
import { FakeEngine } from '../engine/fake/fake-engine.ts'
import { ask } from '../http/wire-kit.fixture.ts'
import { loadConfig } from './config/load.ts'
import { Daemon } from './daemon.ts'

/** Cannot be let go of. */
class StubbornEngine extends FakeEngine {
  override async [Symbol.asyncDispose](): Promise<void> {
    await super[Symbol.asyncDispose]()
    throw new Error('the engine does not let go')
  }
}

const stops: Readonly<Record<string, (daemon: Daemon) => Promise<unknown>>> = {
  'its embedder asks': (daemon) => daemon.stop(),
  'POST /stop asks': (daemon) => ask(Number(daemon.addresses[0]?.split(':').at(-1)), { method: 'POST', path: '/stop' }),
}

for (const [how, stop] of Object.entries(stops)) {
  test(`a daemon that cannot be closed as it should be has stopped all the same when ${how}, and says why`, async () => {
    const folder = await mkdtemp(join(tmpdir(), 'errand-stop-'))
    const set = ['resources.hostCheck=none', 'node=test']
    const folders = { stateDir: join(folder, 'state'), runDir: join(folder, 'run') }
    const { config } = loadConfig({ ...folders, listen: ['127.0.0.1:0'], set })
    const log = new RecordingLog()
    const daemon = await Daemon.open(
      config,
      { log, openEngine: async () => new StubbornEngine() },
      AbortSignal.timeout(20_000),
    )
    await stop(daemon)
    await daemon.stopped
    const [told] = log.lines.filter(({ level }) => level === 'error')
    assert.match(String(told?.facts.err), /the engine does not let go/)
    await rm(folder, { recursive: true })
  })
}
