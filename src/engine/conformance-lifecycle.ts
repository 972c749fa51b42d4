import assert from 'node:assert/strict'
import { get, type RequestOptions } from 'node:http'
import { text } from 'node:stream/consumers'
import { MIB } from '../core/resources.ts'
import { CONFORMANCE_LABEL, type ConformanceTest, endedWith, refused, SERVED } from './conformance-bench.ts'

const UNKNOWN_IMAGE = `sha256:${'f'.repeat(64)}`

/** Making, running, freezing and removing sandboxes. */
export const LIFECYCLE_TESTS: Record<string, ConformanceTest> = {
  async 'creating again under one name with the same labels gives the same sandbox'(bench) {
    const identity = bench.identity()
    const first = await bench.create(bench.images.waits, identity)
    assert.deepEqual(await bench.create(bench.images.waits, identity), first)
    assert.equal(first.name, identity.name)
    assert.equal((await bench.inspect(first)).state, 'created')
  },

  async 'a name that belongs to something else is refused and left as it is'(bench) {
    const first = await bench.create(bench.images.waits)
    const other = { ...bench.identity(), name: first.name }
    await refused(bench.create(bench.images.waits, other), 'already_exists')
    assert.equal((await bench.inspect(first)).id, first.id)
  },

  async 'an image that is not on the host is refused'(bench) {
    const reference = { kind: 'id', id: UNKNOWN_IMAGE } as const
    assert.equal(await bench.engine.images.find(reference, bench.signal), undefined)
    await refused(bench.create(UNKNOWN_IMAGE), 'image_not_found')
  },

  async 'an image is found by its id'(bench) {
    const id = bench.images.waits
    assert.equal((await bench.engine.images.find({ kind: 'id', id }, bench.signal))?.id, id)
  },

  async 'a runtime that the engine does not have is refused'(bench) {
    const spec = { ...(await bench.spec(bench.images.waits)), runtime: 'no-such-runtime' }
    await refused(bench.engine.create(spec, bench.identity(), bench.signal), 'runtime_unavailable')
  },

  async 'the limits asked for are those set'(bench) {
    const spec = await bench.spec(bench.images.waits)
    const { resources } = { ...spec, resources: { cpuMillis: 300, memoryBytes: 48 * MIB, gpus: 0 } }
    const ref = await bench.engine.create({ ...spec, resources }, bench.identity(), bench.signal)
    const { limits } = await bench.inspect(ref)
    await bench.engine.remove(ref, bench.signal)
    assert.deepEqual(limits, { cpuMillis: 300, memoryBytes: 48 * MIB, pids: 256 })
  },

  async 'labels are told by inspect, and find the sandbox again'(bench) {
    const identity = bench.identity()
    const ref = await bench.create(bench.images.waits, identity)
    await bench.create(bench.images.waits)
    const { labels } = await bench.inspect(ref)
    assert.deepEqual({ ...labels, ...identity.labels }, labels)
    const found = await bench.engine.list(CONFORMANCE_LABEL, identity.labels[CONFORMANCE_LABEL] ?? '', bench.signal)
    assert.deepEqual(
      found.map(({ name, id }) => ({ name, id })),
      [ref],
    )
  },

  async 'a server is reached at the endpoint, and only while the sandbox runs'(bench) {
    const ref = await bench.create(bench.images.serves)
    assert.equal((await bench.inspect(ref)).tcp, undefined)
    const running = await bench.startReady(bench.images.serves)
    const { tcp } = await bench.inspect(running)
    assert.ok(tcp)
    assert.equal(await fetchText({ host: tcp.host, port: tcp.port }), SERVED)
  },

  async 'a server is reached at the unix socket where the runtime has that transport'(bench) {
    const { hasSocket } = await bench.spec(bench.images.serves)
    const running = await bench.startReady(bench.images.serves)
    const { unix } = await bench.inspect(running)
    assert.equal(unix !== undefined, hasSocket)
    if (unix !== undefined) assert.equal(await fetchText({ socketPath: unix.unixPath }), SERVED)
  },

  async 'SIGTERM ends a sandbox with 143'(bench) {
    const ref = await bench.startReady(bench.images.waits)
    await bench.engine.signal(ref, 'SIGTERM', bench.signal)
    endedWith(await bench.untilExited(ref), 143)
  },

  async 'SIGKILL ends a sandbox with 137'(bench) {
    const ref = await bench.startReady(bench.images.waits)
    await bench.engine.signal(ref, 'SIGKILL', bench.signal)
    endedWith(await bench.untilExited(ref), 137)
  },

  async 'a signal to a sandbox that does not run changes nothing'(bench) {
    const ref = await bench.create(bench.images.waits)
    await bench.engine.signal(ref, 'SIGTERM', bench.signal)
    assert.equal((await bench.inspect(ref)).state, 'created')
  },

  async 'pause freezes a sandbox and resume thaws it'(bench) {
    const { canPause } = await bench.engine.probe(bench.signal)
    const ref = await bench.startReady(bench.images.waits)
    if (!canPause) return refused(bench.engine.pause(ref, bench.signal), 'unsupported')
    await bench.engine.pause(ref, bench.signal)
    assert.equal((await bench.inspect(ref)).state, 'paused')
    await bench.engine.resume(ref, bench.signal)
    assert.equal((await bench.inspect(ref)).state, 'running')
  },

  async 'what is paused stays so when it is paused, and what runs when it is resumed'(bench) {
    const { canPause } = await bench.engine.probe(bench.signal)
    if (!canPause) return
    const ref = await bench.startReady(bench.images.waits)
    await bench.engine.resume(ref, bench.signal)
    assert.equal((await bench.inspect(ref)).state, 'running')
    for (let times = 0; times < 2; times += 1) await bench.engine.pause(ref, bench.signal)
    assert.equal((await bench.inspect(ref)).state, 'paused')
  },

  async 'a running sandbox is removed'(bench) {
    const ref = await bench.startReady(bench.images.waits)
    await bench.engine.remove(ref, bench.signal)
    assert.equal(await bench.engine.inspect(ref, bench.signal), undefined)
  },

  async 'a paused sandbox is removed'(bench) {
    const { canPause } = await bench.engine.probe(bench.signal)
    const ref = await bench.startReady(bench.images.waits)
    if (canPause) await bench.engine.pause(ref, bench.signal)
    await bench.engine.remove(ref, bench.signal)
    assert.equal(await bench.engine.inspect(ref, bench.signal), undefined)
  },

  async 'removals of one sandbox at the same time, and of one that is gone, all succeed'(bench) {
    const ref = await bench.startReady(bench.images.waits)
    await Promise.all([bench.engine.remove(ref, bench.signal), bench.engine.remove(ref, bench.signal)])
    assert.equal(await bench.engine.inspect(ref, bench.signal), undefined)
    await bench.engine.remove(ref, bench.signal)
  },

  async 'what is not there is not found'(bench) {
    const ref = { name: 'errand-conformance-absent', id: '0'.repeat(64) }
    assert.equal(await bench.engine.inspect(ref, bench.signal), undefined)
    await refused(bench.engine.start(ref, bench.signal), 'not_found')
    await refused(bench.engine.pause(ref, bench.signal), 'not_found')
    await refused(
      bench.engine.attach(ref, () => {}, bench.signal),
      'not_found',
    )
  },

  async 'events begin with listening, then tell signals, the exit with its code and the removal'(bench) {
    const identity = bench.identity()
    const ref = await bench.startReady(bench.images.waits, identity)
    const value = identity.labels[CONFORMANCE_LABEL] ?? ''
    const seen: unknown[] = []
    for await (const event of bench.engine.events(CONFORMANCE_LABEL, value, bench.signal)) {
      seen.push(event)
      if (event.kind === 'listening') await bench.engine.signal(ref, 'SIGKILL', bench.signal)
      if (event.kind === 'exited') await bench.engine.remove(ref, bench.signal)
      if (event.kind === 'removed') break
    }
    assert.deepEqual(seen, [
      { kind: 'listening' },
      { kind: 'signalled', id: ref.id, signal: 9 },
      { kind: 'exited', id: ref.id, exitCode: 137 },
      { kind: 'removed', id: ref.id },
    ])
  },

  async 'an abort rejects with its reason'(bench) {
    const reason = new Error('given up')
    const controller = new AbortController()
    const events = bench.engine.events(CONFORMANCE_LABEL, 'nothing', controller.signal)[Symbol.asyncIterator]()
    await events.next()
    const pending = events.next()
    controller.abort(reason)
    await assert.rejects(pending, reason)
    await assert.rejects(bench.engine.probe(controller.signal), reason)
    await assert.rejects(bench.engine.inspect({ name: 'errand-conformance-absent' }, controller.signal), reason)
  },
}

async function fetchText(options: RequestOptions): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  get({ ...options, agent: false }, (response) => {
    text(response).then(resolve, reject)
  }).on('error', reject)
  return promise
}
