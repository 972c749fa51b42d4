import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { after, afterEach, before, describe, test } from 'node:test'
import { ensureImage } from '../../examples/tasks/offline/sample-images.ts'
import { Executions } from '../support/executions.ts'
import { PrivateEngine } from '../support/private-engine.ts'

const options = { timeout: 240_000 }
const image = await ensureImage('busybox')

const SLEEPS = 'echo up; sleep 300'
/** Takes SIGTERM for a reason to end well. */
const OBEYS = 'trap "exit 0" TERM; echo up; while :; do sleep 0.1; done'

describe('an execution on an engine without live-restore', options, () => {
  let engine: PrivateEngine
  let on: Executions
  before(async () => {
    engine = await PrivateEngine.start({ images: [image] })
    on = await Executions.on(engine, image)
  })
  afterEach(() => on.assertEnded())
  after(async () => {
    await using _engine = engine
    await on[Symbol.asyncDispose]()
  })

  for (const [how, row] of [
    ['stop', 'F24'],
    ['kill', 'F25'],
  ] as const) {
    test(`${row}: has failed with it after a ${how}, and what was idempotent succeeds in another attempt`, async () => {
      const ids = await Promise.all([on.begin(SLEEPS), on.begin(OBEYS)])
      const again = await on.begin(`echo up; if [ -e /in/again ]; then echo done; else sleep 300; fi`, {
        idempotent: true,
        inputs: [{ type: 'bind', source: await on.folder('again', false), target: '/in' }],
      })
      await engine[how]()
      await on.node.assertControllable()
      await on.folder('again', true)
      await engine.start()
      for (const id of ids) {
        const { status, reason, message } = await on.result(id)
        assert.deepEqual([status, reason], ['failed', 'engine_restart'])
        assert.match(message, /engine was restarted/)
      }
      const { status, attempt, warnings, stdout } = await on.result(again)
      assert.deepEqual([status, attempt, warnings.length], ['succeeded', 2, 1])
      // What the first one printed may be missing its end.
      assert.match(stdout, /^up\n.*up\ndone\n$/s)
    })
  }

  test('F33: has failed with its removal, though its exit code would be that of a kill', async () => {
    const id = await on.begin(SLEEPS)
    await engine.docker('rm', '--force', on.container(id))
    assert.equal(await on.end(id), 'failed/container_removed -1')
  })

  test('that somebody stops or kills by way of the engine was stopped externally, whatever its exit code', async () => {
    const [stopped, obeyed, killed] = await Promise.all([on.begin(SLEEPS), on.begin(OBEYS), on.begin(SLEEPS)])
    await Promise.all([
      engine.docker('stop', '--time', '0', on.container(stopped)),
      engine.docker('stop', on.container(obeyed)),
      engine.docker('kill', on.container(killed)),
    ])
    assert.match(await on.end(stopped), /^failed\/stopped_externally 1(37|43)$/)
    assert.equal(await on.end(obeyed), 'failed/stopped_externally 0')
    assert.equal(await on.end(killed), 'failed/stopped_externally 137')
  })

  test('that kills itself, or is killed by a process of the host, was killed', async () => {
    const [itself, byHost] = await Promise.all([on.begin('echo up; kill -9 $$; sleep 300'), on.begin(SLEEPS)])
    process.kill(await on.pid(byHost), 'SIGKILL')
    assert.equal(await on.end(byHost), 'failed/killed 137')
    assert.match(await on.end(itself), /^failed\/(killed|exit_nonzero) 137$/)
  })

  test('F31: has failed with the shim that ran it, and no process of it is left', async () => {
    const [id, again] = await Promise.all([on.begin(SLEEPS), on.begin('echo up; sleep 2', { idempotent: true })])
    const pid = await on.pid(id)
    for (const each of [id, again]) process.kill(await parentOf(await on.pid(each)), 'SIGKILL')
    assert.equal(await on.end(id), 'failed/runtime_lost 137')
    assert.equal(await stateOf(pid), 'gone')
    const { status, attempt } = await on.result(again)
    assert.deepEqual([status, attempt], ['succeeded', 2])
  })

  test('F29: is timed out once the engine is back, when its time passes while that is away', async () => {
    const id = await on.begin(SLEEPS, { timeoutMs: 2000, graceMs: 1000 })
    await engine.kill()
    await on.until(id, ({ intent }) => intent?.kind === 'run_timeout')
    await on.node.assertControllable()
    await engine.start()
    assert.match(await on.end(id), /^timed_out\/run_timeout/)
  })
})

async function parentOf(pid: number): Promise<number> {
  return Number(/^PPid:\s+(\d+)/m.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1])
}

/** One that nobody waits for is gone as well. */
async function stateOf(pid: number): Promise<string> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
  return /^State:\s+Z/m.test(status) || status === '' ? 'gone' : status
}
