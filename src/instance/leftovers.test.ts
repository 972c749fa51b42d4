import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ErrandError } from '../core/errors.ts'
import { randomId } from '../core/ids.ts'
import type { SandboxIdentity } from '../engine/engine.ts'
import { plainSpec } from '../engine/sandbox-spec.fixture.ts'
import { INSTALLATION_LABEL, identify, isOurs } from './identity.ts'
import { advanceUntilSettled, InstancesBench, KEY } from './instances-bench.fixture.ts'

const SPEC = plainSpec('sha256:0')
const OURS = { id: 'ours', macKey: Buffer.alloc(32, 1) }

describe('an identity', () => {
  const identity = identify(OURS, 'node-1', { kind: 'warm', id: 'abc', key: KEY, setup: 'as today' }, SPEC)

  test('names its sandbox after node and instance, and says what it holds', () => {
    assert.equal(identity.name, 'errand-node-1-abc-1')
    assert.equal(identity.labels[INSTALLATION_LABEL], 'ours')
    assert.equal(identity.labels['dev.errand.lease'], '1000,134217728,0')
    assert.equal(identity.labels['dev.errand.endpoint'], '8080')
    assert.ok(isOurs(OURS, identity))
  })

  test('is ours with labels that others have added', () => {
    assert.ok(isOurs(OURS, { ...identity, labels: { ...identity.labels, 'com.example': 'x' } }))
  })

  test('is ours with labels of the other kind that its image brought, which are empty', () => {
    const owner = { kind: 'execution', id: 'abc', executor: 'e', job: 'j', attempt: 1 } as const
    const execution = identify(OURS, 'node-1', owner, SPEC)
    for (const { name, labels } of [identity, execution]) {
      const brought = { 'dev.errand.executor': '', 'dev.errand.job': '', 'dev.errand.task': '', 'dev.errand.setup': '' }
      assert.ok(isOurs(OURS, { name, labels: { ...brought, ...labels } }))
    }
  })

  test('is not ours with another name, key or installation, or without a mac', () => {
    assert.equal(isOurs(OURS, { ...identity, name: 'errand-node-1-abd-1' }), false)
    assert.equal(isOurs({ ...OURS, macKey: Buffer.alloc(32, 2) }, identity), false)
    assert.equal(isOurs({ ...OURS, id: 'theirs' }, identity), false)
    const { 'dev.errand.mac': mac = '', ...others } = identity.labels
    for (const forged of ['', mac.slice(1), `${mac}0`, mac.toUpperCase()]) {
      assert.equal(isOurs(OURS, { ...identity, labels: { ...others, 'dev.errand.mac': forged } }), false)
    }
    assert.equal(isOurs(OURS, { ...identity, labels: others }), false)
  })

  test('is not ours when any signed label was changed or taken away', () => {
    for (const label of Object.keys(identity.labels)) {
      const { [label]: _taken, ...others } = identity.labels
      assert.equal(isOurs(OURS, { ...identity, labels: others }), false, `without ${label}`)
      assert.equal(isOurs(OURS, { ...identity, labels: { ...others, [label]: 'x' } }), false, `changed ${label}`)
    }
  })
})

/** A sandbox as an earlier daemon, or somebody else, may have left it. */
async function leave(bench: InstancesBench, change: (identity: SandboxIdentity) => SandboxIdentity): Promise<string> {
  const id = randomId()
  const image = bench.engine.addImage(`image-${id}`, {})
  const spec = plainSpec(image.id)
  const identity = change(identify(bench.installation, 'test', { kind: 'warm', id, key: KEY, setup: 'as today' }, spec))
  await bench.engine.start(await bench.engine.create(spec, identity, bench.signal), bench.signal)
  return identity.name
}

describe('leftovers', () => {
  test('of this installation are removed; what only carries its label is left alone', async () => {
    await using bench = await InstancesBench.open()
    await leave(bench, (identity) => identity)
    await leave(bench, (identity) => identity)
    const forged = await leave(bench, ({ name, labels }) => ({ name, labels: { ...labels, 'dev.errand.mac': '00' } }))
    const renamed = await leave(bench, ({ name, labels }) => ({ name: `${name}-copy`, labels }))
    const foreign = await leave(bench, ({ name, labels }) => ({
      name,
      labels: { ...labels, [INSTALLATION_LABEL]: 'another' },
    }))
    assert.equal(await bench.instances.removeLeftovers(bench.signal), 2)
    assert.deepEqual(
      bench.engine.sandboxes.map(({ name }) => name),
      [forged, renamed, foreign],
    )
  })

  test('that the engine does not remove at once are tried again', async () => {
    await using bench = await InstancesBench.open()
    await leave(bench, (identity) => identity)
    bench.engine.failNext('remove', new ErrandError('engine_unavailable', 'no answer'))
    const removed = bench.instances.removeLeftovers(bench.signal)
    await advanceUntilSettled(bench.clock, removed)
    assert.equal(await removed, 1)
    assert.deepEqual(bench.engine.sandboxes, [])
  })

  test('that cannot be removed do not keep a start waiting that is called off', async () => {
    await using bench = await InstancesBench.open()
    await leave(bench, (identity) => identity)
    using _stalled = bench.engine.stall('remove')
    const removed = assert.rejects(bench.instances.removeLeftovers(bench.signal), { code: 'cancelled' })
    bench.leave()
    await removed
  })
})
