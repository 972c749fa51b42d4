import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import { after, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { EngineDetour } from '../../test/support/engine-detour.ts'
import type { FakeProcess } from '../engine/fake/fake-engine.ts'
import { openV1Node } from '../http/v1/v1-node.fixture.ts'
import { ErrandClient } from './client.ts'

// A client whose connections are cut, on a way that leads to the node's socket as it could lead to an engine's.

const LINES = 100_000
const CUTS = 10
/** Long enough for all of them to be much more than what is on its way at a time. */
const PADDING = '.'.repeat(90)

function lineOf(number: number): string {
  return `line ${number} ${PADDING}\n`
}

/** How much its reader has got. A slow disk makes a gap of what a fake task prints too far ahead of it, as of a real one's. */
const reader = Object.assign(new EventEmitter(), { characters: 0 })
const MOST_AHEAD = 500_000

async function printLines(process: FakeProcess): Promise<number> {
  let printed = 0
  for (let line = 1; line <= LINES; line += 1) {
    process.print(lineOf(line))
    printed += lineOf(line).length
    if (line % 50 === 0) await setImmediate()
    while (printed - reader.characters > MOST_AHEAD) await once(reader, 'more')
  }
  return 0
}

const talkers: FakeProcess[] = []
const node = await openV1Node({
  lines: { run: printLines },
  talks: {
    run: async (process) => {
      talkers.push(process)
      process.print('early\n')
      for (;;) if ((await process.untilSignal('SIGUSR1', 'SIGTERM')) === 'SIGTERM') return 0
    },
  },
})
after(() => node[Symbol.asyncDispose]())
const way = await EngineDetour.open(node.socketPath)
after(() => way[Symbol.asyncDispose]())
const errand = new ErrandClient({ url: `unix://${way.socketPath}` })
after(() => errand.close())
const limits = { logBytes: '64MiB' }

/** Resolves once it prints no more by itself, with its process. */
async function beginTalk(): Promise<{ id: string; process: FakeProcess }> {
  const before = talkers.length
  const { id } = await errand.executions.submit({ task: { image: 'talks' } })
  for await (const _line of errand.executions.logs(id, { follow: true })) break
  const process = talkers[before]
  assert.ok(process)
  return { id, process }
}

/** Cuts every connection, again and again, until one that asks for something like this has begun anew. */
async function cutUntilAsked(request: RegExp): Promise<void> {
  const before = way.count(request)
  way.cut()
  while (way.count(request) === before) await setImmediate()
}

test('a submission whose answer is lost is asked again, and runs once', async () => {
  const before = way.count(/^POST \/executions$/)
  let losses = 3
  way.treat = (request) => {
    if (!request.startsWith('POST /executions')) return 'pass'
    losses -= 1
    return losses >= 0 ? 'lose' : 'pass'
  }
  const { id } = await errand.executions.submit({ task: { image: 'hello' }, labels: { only: 'once' } })
  way.treat = () => 'pass'
  assert.equal(way.count(/^POST \/executions$/) - before, 4)
  const found = []
  for await (const view of errand.executions.list()) if (view.labels.only === 'once') found.push(view.id)
  assert.deepEqual(found, [id])
})

test('what may have been done already is not asked again', async () => {
  const { id } = await beginTalk()
  const before = way.requests.length
  way.treat = (request) => (request.startsWith('POST') ? 'lose' : 'pass')
  const lost = { code: 'node_unavailable', details: { mayHaveArrived: true } }
  await assert.rejects(errand.executions.exec(id, ['true']), lost)
  await assert.rejects(errand.executions.cancel(id), lost)
  await assert.rejects(errand.executions.submit({ task: { image: 'hello' } }, { patienceMs: 0 }), lost)
  way.treat = () => 'pass'
  assert.equal(way.requests.length - before, 3)
  assert.equal((await errand.executions.wait(id)).status, 'cancelled')
})

test('a hundred thousand lines come once each, through ten cuts', { timeout: 300_000 }, async () => {
  const { id } = await errand.executions.submit({ task: { image: 'lines' }, limits })
  const asked = (): number => way.count(/^GET \/executions\/\w+\/logs/) - before
  const before = way.count(/^GET \/executions\/\w+\/logs/)
  const seqs: number[] = []
  let text = ''
  let cuts = 0
  for await (const { seq, data = '', gap } of errand.executions.logs(id, { follow: true })) {
    assert.equal(gap, undefined)
    seqs.push(seq)
    text += data
    reader.characters = text.length
    reader.emit('more')
    // One after the other, spread over the first half: what is on its way already still comes.
    if (cuts < CUTS && asked() > cuts && text.length > cuts * 500_000) {
      cuts += 1
      way.cut()
    }
  }
  assert.deepEqual(
    seqs,
    seqs.map((_seq, index) => index + 1),
  )
  const expected = Array.from({ length: LINES }, (_line, index) => lineOf(index + 1)).join('')
  assert.ok(text === expected, `${text.length} characters of ${expected.length}`)
  assert.deepEqual([cuts, asked()], [CUTS, CUTS + 1])
})

test('a wait goes on through cuts, and tells the end', async () => {
  const { id } = await beginTalk()
  const waited = errand.executions.wait(id)
  for (let round = 0; round < 3; round += 1) await cutUntilAsked(/^GET \/executions\/\w+\/wait/)
  await errand.executions.cancel(id)
  assert.equal((await waited).status, 'cancelled')
})

test('events go on after the last one that came, through cuts', async () => {
  const { id } = await errand.executions.run({ task: { image: 'hello' } })
  const heard: string[] = []
  const before = way.count(/^GET \/events/)
  for await (const event of errand.events({ since: 0 })) {
    assert.ok(event.name === 'execution')
    if (event.execution.execution === id) heard.push(event.execution.status)
    if (heard.at(-1) === 'failed') break
    way.cut()
  }
  assert.deepEqual(heard, ['accepted', 'queued', 'pulling', 'creating', 'running', 'finalizing', 'failed'])
  assert.ok(way.count(/^GET \/events/) > before)
})
