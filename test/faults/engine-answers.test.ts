import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ensureImage } from '../../examples/tasks/offline/sample-images.ts'
import type { EngineDeadlines } from '../../src/engine/docker/client.ts'
import { eventually } from '../support/containers.ts'
import { docker, post } from '../support/daemon.ts'
import { EngineDetour } from '../support/engine-detour.ts'
import { type FaultDaemon, startFaultDaemon } from '../support/fault-daemon.ts'
import { impatient } from '../support/impatient-engine.ts'
import { removeLeftovers } from '../support/leftovers.ts'

const options = { timeout: 120_000 }
const request = { id: await ensureImage('hello-node'), resource: { cpu: 0.3, mem: 64 }, input: 'you' }
const other = { id: await ensureImage('hello-python'), resource: { cpu: 0.3, mem: 64 }, input: 'you' }

interface World extends AsyncDisposable {
  readonly detour: EngineDetour
  readonly node: FaultDaemon
}

/** A daemon that reaches the engine by a detour only. */
async function open(deadlines?: EngineDeadlines): Promise<World> {
  await using stack = new AsyncDisposableStack()
  const detour = stack.use(await EngineDetour.open())
  const node = stack.use(await startFaultDaemon({ deps: impatient(detour.socketPath, deadlines) }))
  const held = stack.move()
  return { detour, node, [Symbol.asyncDispose]: async () => held.disposeAsync() }
}

async function untilEmpty(node: FaultDaemon): Promise<void> {
  await eventually(async () => {
    const { containers, volumes } = await node.census(node.installation)
    return containers.length + volumes.length === 0 && node.daemon.node.stats().leased.cpuMillis === 0
  })
}

async function assertAnswered(node: FaultDaemon, body: object = request): Promise<void> {
  const { success, msg } = await node.execute(body)
  assert.ok(success, msg)
}

/** Loses the first answer to requests of this kind. */
function loseFirst(detour: EngineDetour, kind: RegExp): void {
  let isLost = false
  detour.treat = (asked) => {
    if (isLost || !kind.test(asked)) return 'pass'
    isLost = true
    return 'lose'
  }
}

describe('F4, F28: an engine that does as it is told and does not say so', options, () => {
  const STEPS: Readonly<Record<string, RegExp>> = {
    'its create': /^POST \/containers\/create/,
    'its attach': /^POST \/containers\/[^/]+\/attach/,
    'its start': /^POST \/containers\/[^/]+\/start/,
    'its inspection': /^GET \/containers\/[^/]+\/json/,
  }
  for (const [step, kind] of Object.entries(STEPS)) {
    test(`fails the start with engine_unavailable when it is ${step}, and leaves nothing`, async () => {
      await using world = await open()
      const { detour, node } = world
      loseFirst(detour, kind)
      const { code, retryAfterMs } = await node.execute(request)
      assert.equal(code, 'engine_unavailable')
      assert.ok(retryAfterMs !== undefined && retryAfterMs > 0)
      await untilEmpty(node)
      await assertAnswered(node)
      assert.equal(detour.count(STEPS['its create'] ?? /^$/), 2)
    })
  }

  test('is not told again to remove what it has removed', async () => {
    await using world = await open()
    const { detour, node } = world
    await assertAnswered(node)
    loseFirst(detour, /^DELETE \/containers/)
    assert.equal((await post(`${node.url}/pause`, {})).success, true)
    assert.deepEqual(await node.containers(), [])
    assert.equal(detour.count(/^DELETE \/containers/), 1)
    await post(`${node.url}/unpause`, {})
  })

  test('long after the daemon has given up has what it made removed, and only then its lease given back', async () => {
    await using world = await open({ pingMs: 2000, inspectMs: 2000, changeMs: 2000 })
    const { detour, node } = world
    const held = Promise.withResolvers<void>()
    detour.treat = (asked) => (asked.startsWith('POST /containers/create') ? held.promise : 'pass')
    assert.equal((await node.execute(request)).code, 'engine_unavailable')
    assert.deepEqual(await node.containers(), [])
    assert.equal(node.daemon.node.stats().leased.cpuMillis, 300)
    detour.treat = () => 'pass'
    held.resolve()
    await untilEmpty(node)
    assert.equal(detour.count(/^DELETE \/containers/), 1)
    await assertAnswered(node)
  })
})

describe('F30: an engine whose socket', options, () => {
  for (const instead of ['nothing', 'a file'] as const) {
    test(`is replaced by ${instead} leaves warm tasks alone, refuses new ones, and is found again`, async () => {
      await using world = await open()
      const { detour, node } = world
      await assertAnswered(node)
      await detour.vanish(instead)
      await eventually(async () => {
        const { code, details } = await node.execute(other)
        assert.equal(code, 'engine_unavailable')
        return details?.engine === 'unresponsive'
      })
      const [degraded] = node.log.lines.filter(({ facts }) => facts.engine === 'unresponsive')
      assert.equal(degraded?.level, 'warn')
      for (let count = 0; count < 20; count += 1) await assertAnswered(node)
      await node.assertControllable()
      await detour.reappear()
      await eventually(() => node.log.factsOf('the engine answers again').length > 0)
      await assertAnswered(node, other)
    })
  }
})

describe('F27: a gap in the events of the engine', options, () => {
  test('hides no exit: the instance is replaced as soon as the engine is heard again', async () => {
    await using world = await open()
    const { detour, node } = world
    await assertAnswered(node)
    const [dead = ''] = await node.containers()
    const held = Promise.withResolvers<void>()
    detour.treat = (asked) => (asked.startsWith('GET /events') ? held.promise : 'pass')
    const streams = detour.count(/^GET \/events/)
    detour.cut()
    await eventually(() => detour.count(/^GET \/events/) > streams)
    await docker('kill', dead)
    await docker('wait', dead)
    detour.treat = () => 'pass'
    held.resolve()
    await untilEmpty(node)
    await assertAnswered(node)
  })
})

describe('F36: a container of somebody else', options, () => {
  test('that has our name is left alone; ours gets another one, and a warning is logged', async () => {
    await using world = await open()
    const { detour, node } = world
    let taken = ''
    const takeName = async (name: string): Promise<void> => {
      taken = name
      await docker('create', '--name', name, '--label', 'errand-test=foreign', request.id)
    }
    detour.treat = (asked) => {
      const [, name] = /^POST \/containers\/create\?name=([\w-]+)$/.exec(asked) ?? []
      return name === undefined || taken !== '' ? 'pass' : takeName(name)
    }
    try {
      await assertAnswered(node)
      assert.deepEqual(await node.containers(), [taken.replace(/-1$/, '-2')])
      const [warned] = node.log.lines.filter(({ facts }) => facts.name === taken)
      assert.equal(warned?.level, 'warn')
      await post(`${node.url}/pause`, {})
      const owner = '{{.State.Status}} {{index .Config.Labels "errand-test"}}'
      assert.equal(await docker('inspect', '--format', owner, taken), 'created foreign')
    } finally {
      await docker('rm', '--force', taken)
    }
  })
})

describe('F37: our network', options, () => {
  test('that somebody removed with its rules is there again, with its rules, for the next start', async () => {
    await using world = await open()
    const { node } = world
    await assertAnswered(node)
    const { networks, rules } = await node.census(node.installation)
    await post(`${node.url}/pause`, {})
    await removeLeftovers(node.installation)
    await post(`${node.url}/unpause`, {})
    await Promise.all([assertAnswered(node), assertAnswered(node, other)])
    const now = await node.census(node.installation)
    assert.deepEqual([now.networks, now.rules], [networks, rules])
    assert.ok(rules.length > 0)
  })
})
