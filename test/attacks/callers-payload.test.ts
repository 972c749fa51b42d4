import assert from 'node:assert/strict'
import { after, afterEach, before, describe, test } from 'node:test'
import fc from 'fast-check'
import { MIB } from '../../src/core/resources.ts'
import { createBody } from '../../src/engine/docker/payload.ts'
import type { SandboxIdentity, SandboxRef, SandboxSpec } from '../../src/engine/engine.ts'
import { FakeEngine } from '../../src/engine/fake/fake-engine.ts'
import { inspectContainer, onlyContainer } from '../support/containers.ts'
import type { MecaAnswer } from '../support/daemon.ts'
import { type FaultDaemon, startFaultDaemon } from '../support/fault-daemon.ts'
import { HOSTILE_FIELDS } from '../support/hostile-fields.ts'
import { scale } from '../support/scale.ts'
import { ensureTask, say } from '../support/test-tasks.ts'

// What a body can change in the container that it starts: its image, its memory and its share of the processor.

const NO_CONFIG = { volumes: [], labels: [], variables: [], entrypoint: [], cmd: [] }

/** Keeps what sandboxes are made of. */
class RecordingEngine extends FakeEngine {
  readonly made: { readonly spec: SandboxSpec; readonly identity: SandboxIdentity }[] = []

  override create(spec: SandboxSpec, identity: SandboxIdentity, signal: AbortSignal): Promise<SandboxRef> {
    this.made.push({ spec, identity })
    return super.create(spec, identity, signal)
  }
}

interface Payload {
  readonly Image: string
  readonly Labels: Readonly<Record<string, string>>
  readonly HostConfig: Readonly<Record<string, unknown>>
  readonly [field: string]: unknown
}

/** The body that the Docker Engine would get, without all that may differ. */
function template(spec: SandboxSpec, identity: SandboxIdentity): object {
  const payload = createBody(spec, identity, 'net', NO_CONFIG) as Payload
  const { Memory, MemorySwap, NanoCpus, ...hostConfig } = payload.HostConfig
  assert.deepEqual([Memory, MemorySwap], [spec.resources.memoryBytes, spec.resources.memoryBytes])
  assert.equal(NanoCpus, spec.resources.cpuMillis * 1e6)
  return { ...payload, Image: '', Labels: Object.keys(payload.Labels), HostConfig: hostConfig }
}

/** Bodies that a node accepts or refuses for their values, with anything a caller may think of beside them. */
function bodies(): fc.Arbitrary<Record<string, unknown>> {
  const names = Object.keys(HOSTILE_FIELDS)
  const extras = fc
    .uniqueArray(fc.constantFrom(...names), { maxLength: 12 })
    .map((chosen) => Object.fromEntries(chosen.map((name) => [name, HOSTILE_FIELDS[name]])))
  const strange = fc.dictionary(fc.string({ minLength: 1, maxLength: 12 }), fc.jsonValue({ maxDepth: 3 }), {
    maxKeys: 4,
  })
  const resource = fc
    .tuple(
      fc.record(
        {
          cpu: fc.constantFrom(0, 0.1, 0.5, 1, 2, 64, -1),
          mem: fc.constantFrom(0, 6, 64, 200, 1e9, 1.5),
          memory: fc.constantFrom(0, 32),
          use_gpu: fc.boolean(),
          gpu_count: fc.constantFrom(0, 0, 1),
        },
        { requiredKeys: [] },
      ),
      extras,
    )
    .map(([known, more]) => ({ ...more, ...known }))
  const known = fc.record(
    {
      id: fc.constantFrom('plain', 'plain:latest', 'library/plain', 'other'),
      input: fc.string(),
      resource: fc.option(resource),
      runtime: fc.constantFrom('container', 'microVM', '', 'host', 'runc'),
      use_sgx: fc.boolean(),
    },
    { requiredKeys: ['id', 'input'] },
  )
  return fc.tuple(strange, extras, known).map((parts) => Object.assign({}, ...parts) as Record<string, unknown>)
}

describe('the payload of a container', { timeout: 120_000 }, () => {
  let engine: RecordingEngine
  let node: FaultDaemon
  before(async () => {
    const plain = { mark: 'meca-init-done', serve: (_request: unknown, response: { end(): void }) => response.end() }
    engine = new RecordingEngine({ images: { plain, other: plain } })
    // Each body is a start of its own: nothing is kept warm.
    node = await startFaultDaemon({ settings: ['timeout=0.0001', 'cpu=2', 'mem=4096'], fake: engine })
  })
  afterEach(() => node.assertInvariants())
  after(async () => node[Symbol.asyncDispose]())

  async function execute(body: object): Promise<MecaAnswer | undefined> {
    const response = await fetch(node.url, { method: 'POST', body: JSON.stringify(body) })
    return response.status === 200 ? ((await response.json()) as MecaAnswer) : undefined
  }

  test('A1: is the same template for every body, but for image, memory and processor share', async (context) => {
    await execute({ id: 'plain', input: '' })
    const [plainly] = engine.made
    assert.ok(plainly)
    const expected = template(plainly.spec, plainly.identity)
    const images = new Set([plainly.spec.imageId])
    let accepted = 0
    await fc.assert(
      fc.asyncProperty(bodies(), async (body) => {
        const before = engine.made.length
        const answer = await execute(body)
        if (answer?.success === true) accepted += 1
        for (const { spec, identity } of engine.made.slice(before)) {
          assert.deepEqual(template(spec, identity), expected)
          assert.equal(spec.sgx, undefined)
          assert.ok(spec.resources.memoryBytes >= 6 * MIB && spec.resources.memoryBytes <= 4096 * MIB)
          assert.ok(spec.resources.cpuMillis >= 100 && spec.resources.cpuMillis <= 2000)
          images.add(spec.imageId)
        }
      }),
      { numRuns: scale(300, 900) },
    )
    assert.equal(images.size, 2, 'the images that were named, and no other')
    context.diagnostic(`${accepted} bodies accepted, ${engine.made.length} containers`)
    assert.ok(accepted > 20)
  })

  test('A1: is the same with each hostile field alone, on the body or within its resources', async () => {
    const [plainly] = engine.made
    assert.ok(plainly)
    const expected = template(plainly.spec, plainly.identity)
    for (const [name, value] of Object.entries(HOSTILE_FIELDS)) {
      const before = engine.made.length
      // A task of its own each time, so that each starts a container.
      const mem = 100 + (before % 1000)
      const answers = [
        await execute({ [name]: value, id: 'plain', input: '', resource: { mem } }),
        await execute({ id: 'plain', input: '', resource: { mem: mem + 1000, [name]: value } }),
      ]
      assert.deepEqual(
        answers.map((answer) => answer?.success),
        [true, true],
        name,
      )
      const made = engine.made.slice(before)
      assert.equal(made.length, 2, name)
      for (const { spec, identity } of made) assert.deepEqual(template(spec, identity), expected, name)
    }
  })

  test('A2: no path of the host can be named, however it is written', async () => {
    const paths = [
      '/',
      '//',
      '/.',
      '/..',
      '/../',
      '/etc',
      '/etc/',
      '/etc/../',
      '/proc',
      '/proc/1/root',
      '/proc/self/cwd',
      '/sys',
      '/dev',
      '/var/run/docker.sock',
      '/run/docker.sock',
      '/var/run/../run/docker.sock',
      '/var/lib/docker',
      '/var/lib/errand',
      '/root/.ssh',
      '/home',
      '/tmp/../etc/shadow',
      '/%2e%2e/etc',
      '/etc\u0000',
      '..',
      '../..',
      './etc',
      '~',
      '~root',
      '$HOME',
      'C:\\',
      '\\\\host\\share',
      'file:///etc',
      'unix:///var/run/docker.sock',
      'tmpfs',
      'volume-of-another',
    ]
    const before = engine.made.length
    for (const path of paths) {
      for (const id of [path, `plain:${path}`, `plain@${path}`, `${path}:plain`]) {
        const answer = await execute({ id, input: '' })
        assert.equal(answer?.success, false, id)
      }
      for (const shape of [
        `${path}:/host`,
        { Type: 'bind', Source: path, Target: '/host' },
        { device: path, o: 'bind' },
      ]) {
        const body = { id: 'plain', input: '', binds: [shape], mounts: [shape], volumes: [shape], inputs: [shape] }
        await execute({ ...body, outputs: [shape], 'volumes-from': [path] })
      }
    }
    for (const { spec, identity } of engine.made.slice(before)) {
      const { Mounts, Devices, Binds } = (createBody(spec, identity, 'net', NO_CONFIG) as Payload).HostConfig
      assert.deepEqual([Mounts, Devices, Binds], [[], [], undefined])
    }
  })
})

test('A1: a container started with every hostile field is the one started with none', {
  timeout: 120_000,
}, async () => {
  await using node = await startFaultDaemon()
  const id = await ensureTask('talk')
  const started: unknown[] = []
  for (const extra of [{}, HOSTILE_FIELDS]) {
    const resource = { ...extra, cpu: 0.5, mem: 64 }
    const answer = await node.execute({ ...extra, id, input: say({ order: 'describe' }), resource })
    assert.equal(answer.success, true, answer.msg)
    const { Config, HostConfig, NetworkSettings } = await inspectContainer(await onlyContainer(node))
    const networks = Object.keys(NetworkSettings.Networks)
    started.push({ Config: withoutIdentity(Config), HostConfig: withoutIdentity(HostConfig), networks })
    await fetch(`${node.url}/pause`, { method: 'POST' })
    await fetch(`${node.url}/unpause`, { method: 'POST' })
  }
  assert.deepEqual(started[1], started[0])
})

/** Without what differs between any two containers: their ids in names, labels and signatures. */
function withoutIdentity(facts: unknown): unknown {
  return JSON.parse(JSON.stringify(facts).replaceAll(/[0-9a-f]{12,64}/g, 'ID'))
}
