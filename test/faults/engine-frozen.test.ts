import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { ensureImage } from '../../examples/tasks/offline/sample-images.ts'
import { eventually } from '../support/containers.ts'
import { post } from '../support/daemon.ts'
import { EngineDetour } from '../support/engine-detour.ts'
import { type FaultDaemon, startFaultDaemon } from '../support/fault-daemon.ts'
import { impatient } from '../support/impatient-engine.ts'
import { PrivateEngine } from '../support/private-engine.ts'
import { scale } from '../support/scale.ts'

const options = { timeout: 180_000 }
const onPort = await ensureImage('hello-node')
const onSocket = await ensureImage('echo-socket')
const WARM_REQUESTS = scale(100, 10_000)

/** Each amount of memory makes another task. */
function requestFor(id: string, mem = 64): object {
  return { id, resource: { cpu: 0.1, mem }, input: 'you' }
}

describe('F28: an engine that is frozen', options, () => {
  let engine: PrivateEngine
  let detour: EngineDetour
  let node: FaultDaemon
  before(async () => {
    engine = await PrivateEngine.start({ images: [onPort, onSocket] })
    detour = await EngineDetour.open(engine.socketPath)
    node = await startFaultDaemon({ deps: impatient(detour.socketPath), engineSocket: engine.socketPath })
  })
  after(async () => {
    await using stack = new AsyncDisposableStack()
    stack.use(engine)
    engine.thaw()
    stack.use(detour)
    stack.use(node)
  })

  async function assertAnswered(body: object): Promise<void> {
    const { success, msg } = await node.execute(body)
    assert.ok(success, msg)
  }

  /** Freezes the engine with the next request of this kind, which it gets and does once it goes on. */
  function freezeAt(kind: RegExp): Promise<void> {
    const frozen = Promise.withResolvers<void>()
    detour.treat = (asked) => {
      if (!kind.test(asked)) return 'pass'
      engine.freeze()
      detour.treat = () => 'pass'
      frozen.resolve()
      return 'pass'
    }
    return frozen.promise
  }

  async function goOn(): Promise<void> {
    engine.thaw()
    await node.assertInvariants()
  }

  /** Without instances, and taking work. */
  async function empty(): Promise<void> {
    assert.equal((await post(`${node.url}/pause`, {})).success, true)
    assert.deepEqual(await node.containers(), [])
    await post(`${node.url}/unpause`, {})
  }

  test('goes unnoticed by warm tasks, while starts are refused in time, at last at once', async () => {
    for (const id of [onPort, onSocket]) await assertAnswered(requestFor(id))
    engine.freeze()
    const starts = [65, 66, 67].map((mem) => node.execute(requestFor(onPort, mem)))
    for (let count = 0; count < WARM_REQUESTS; count += 1) {
      await assertAnswered(requestFor(count % 2 === 0 ? onPort : onSocket))
    }
    for (const { code, retryAfterMs = 0 } of await Promise.all(starts)) {
      assert.equal(code, 'engine_unavailable')
      assert.ok(retryAfterMs > 0)
    }
    await eventually(() => node.log.lines.some(({ facts }) => facts.engine === 'unresponsive'))
    const asked = detour.requests.length
    const { code, details, retryAfterMs = 0 } = await node.execute(requestFor(onPort, 68))
    assert.deepEqual([code, details], ['engine_unavailable', { engine: 'unresponsive' }])
    assert.ok(retryAfterMs > 0)
    assert.ok(!detour.requests.slice(asked).some((request) => /\/(images|containers)\//.test(request)))
    await node.assertControllable()
    for (const id of [onPort, onSocket]) await assertAnswered(requestFor(id))

    engine.thaw()
    await eventually(() => node.log.factsOf('the engine answers again').length > 0)
    await assertAnswered(requestFor(onPort, 68))
    await node.assertInvariants()
    assert.equal((await node.containers()).length, 3)
    await empty()
  })

  for (const step of ['create', 'start'] as const) {
    test(`in a ${step} does it once it goes on: nothing of that start is left, and nothing was asked twice`, async () => {
      const kind = new RegExp(`^POST /containers/(.+/)?${step}`)
      const asked = detour.count(kind)
      const frozen = freezeAt(kind)
      const answer = node.execute(requestFor(onSocket))
      await frozen
      assert.equal((await answer).code, 'engine_unavailable')
      await node.assertControllable()
      await goOn()
      await eventually(async () => (await node.containers()).length === 0)
      assert.equal(detour.count(kind), asked + 1)
      await node.assertInvariants()
      await assertAnswered(requestFor(onSocket))
      await empty()
    })
  }

  for (const [step, kind] of [
    ['the signal to end', /^POST \/containers\/.+\/kill/],
    ['the removal', /^DELETE \/containers/],
  ] as const) {
    test(`in ${step} of an instance removes it once it goes on, and holds its lease until then`, async () => {
      await assertAnswered(requestFor(onSocket))
      const frozen = freezeAt(kind)
      const paused = post(`${node.url}/pause`, {})
      await frozen
      const given = node.log.lines.length
      await eventually(() => node.log.lines.slice(given).some(({ level }) => level === 'warn'))
      await node.assertControllable()
      engine.thaw()
      assert.equal((await paused).success, true)
      assert.deepEqual(await node.containers(), [])
      await post(`${node.url}/unpause`, {})
      assert.equal(node.daemon.node.stats().leased.cpuMillis, 0)
      await assertAnswered(requestFor(onSocket))
      await empty()
    })
  }
})
