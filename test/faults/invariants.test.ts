import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { MIB } from '../../src/core/resources.ts'
import { FakeEngine } from '../../src/engine/fake/fake-engine.ts'
import { plainSpec } from '../../src/engine/sandbox-spec.fixture.ts'
import { INSTALLATION_LABEL } from '../../src/instance/identity.ts'
import { fakeCensus } from '../support/census.ts'
import { post } from '../support/daemon.ts'
import { FakeServe, serveTask } from '../support/fake-serve.ts'
import { startFaultDaemon } from '../support/fault-daemon.ts'
import { assertGone, assertHonest, assertInvariants } from '../support/invariants.ts'

const { signal } = new AbortController()
const options = { timeout: 60_000 }
const request = { id: 'task', resource: { cpu: 0.5, mem: 64 }, input: 'the input' }

function engineWithTask(): FakeEngine {
  const answer = {
    mark: 'meca-init-done',
    serve: (_request: unknown, response: { end(text: string): void }) => response.end('hi'),
  }
  return new FakeEngine({ images: { task: answer } })
}

describe('the invariants', options, () => {
  test('hold for a daemon with work, and after its end', async () => {
    const fake = engineWithTask()
    await using node = await startFaultDaemon({ fake, canaries: ['the input'] })
    assert.equal((await node.execute(request)).msg, 'hi')
    await node.assertInvariants()
    await assert.rejects(assertGone(node.installation, node.census), /I3/)
    await node.daemon.stop()
    await assertGone(node.installation, node.census)
  })

  test('notice a sandbox that nobody accounts for', async () => {
    const fake = engineWithTask()
    await using node = await startFaultDaemon({ fake })
    const { id: imageId } = fake.addImage('stray', {})
    const labels = { [INSTALLATION_LABEL]: node.installation, 'dev.errand.lease': '100,1,0' }
    const ref = await fake.create(plainSpec(imageId), { name: 'stray', labels }, signal)
    await assert.rejects(assertInvariants(node, { census: node.census, reconcileMs: 100 }), /I3, I4: .*stray/)
    await fake.remove(ref, signal)
  })

  test('notice a lease without a sandbox', async () => {
    const fake = engineWithTask()
    await using node = await startFaultDaemon({ fake })
    await node.execute(request)
    const nothing = { containers: [], networks: [], volumes: [], rules: [] }
    const checks = { census: async () => nothing, reconcileMs: 100 }
    await assert.rejects(assertInvariants(node, checks), /I3, I4: leased .*500/)
  })

  test('notice a secret in the log, also in the cause of an error', async () => {
    await using node = await startFaultDaemon({ fake: engineWithTask() })
    const { census, log } = node
    log.info({ err: new Error('no', { cause: new Error('because of canary-1') }) }, 'failed')
    await assertInvariants(node, { census, log, canaries: ['canary-2'] })
    await assert.rejects(assertInvariants(node, { census, log, canaries: ['canary-1'] }), /I8/)
  })

  test('notice a daemon that answers nothing', async () => {
    await using node = await startFaultDaemon({ fake: engineWithTask() })
    const silent = { ...node, address: '127.0.0.1:1' }
    await assert.rejects(assertInvariants(silent, { census: node.census }), /I7: no answer to GET \/health/)
  })

  test('are asserted of a daemon in another process, too', async () => {
    await using task = await serveTask((_request, response) => response.end('hi'))
    await using serve = await FakeServe.open({ tasks: { task: task.port } })
    const { watched } = serve
    assert.equal((await post(`http://${watched.address}/`, request)).msg, 'hi')
    const { sandboxes } = await serve.look()
    const census = fakeCensus(async () => sandboxes)
    await assertInvariants(watched, { census })
    const checks = { census: fakeCensus(async () => [...sandboxes, ...sandboxes]), reconcileMs: 100 }
    await assert.rejects(assertInvariants(watched, checks), /I3, I4: leased .*500.*1000/)
    const large = { ...watched, memoryBytes: async () => 300 * MIB }
    await assert.rejects(assertInvariants(large, { census }), /I9: 300 MiB/)
  })

  test('notice an answer that is neither a task’s nor a failure of ours', () => {
    for (const honest of [
      { success: true, msg: '' },
      { success: false, msg: 'its own error', status: 500 },
      { success: false, msg: 'no', code: 'task_exited' },
    ]) {
      assertHonest(honest)
    }
    for (const dishonest of [
      { success: true, msg: 'no', code: 'task_exited' },
      { success: false, msg: '' },
      { success: false, msg: '', status: 200 },
      { success: false, msg: '', code: 'internal' },
      { success: false, msg: '', code: 'made_up' },
    ]) {
      assert.throws(() => assertHonest(dishonest), /I5/)
    }
  })
})
