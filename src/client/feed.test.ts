import assert from 'node:assert/strict'
import type { RequestListener } from 'node:http'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { ManualClock } from '../core/manual-clock.ts'
import { ErrandClient } from './client.ts'
import { PlayedServer, says, sends, sendsAndLeaves } from './played-server.fixture.ts'

const END = 'event: end\ndata: {}\n\n'

function log(seq: number, more: object = {}): string {
  const line = { seq, time: '2026-01-01T00:00:00.000Z', stream: 'stdout', data: `${seq}`, ...more }
  return `id: ${seq}\nevent: log\ndata: ${JSON.stringify(line)}\n\n`
}

async function seqsOf(lines: AsyncIterable<{ readonly seq: number }>): Promise<number[]> {
  const seqs: number[] = []
  for await (const { seq } of lines) seqs.push(seq)
  return seqs
}

test('a stream that is cut is asked for again after the last event that came whole', async () => {
  await using server = await PlayedServer.open(
    sendsAndLeaves(`${log(1)}${log(2)}${log(3).slice(0, -1)}`),
    sendsAndLeaves(':\n\n'),
    sends(`${log(3)}${END}`),
  )
  await using errand = new ErrandClient({ url: server.url })
  assert.deepEqual(await seqsOf(errand.executions.logs('a', { follow: true, tail: 5 })), [1, 2, 3])
  assert.deepEqual(server.paths, Array(3).fill('/v1/executions/a/logs?follow=true&tail=5'))
  const places = server.requests.map(({ headers }) => headers['last-event-id'])
  assert.deepEqual(places, [undefined, '2', '2'])
})

test('an answer that ends without its last event is none that is over', async () => {
  const ends = (text: string) => says(200, 'text/event-stream', text)
  await using server = await PlayedServer.open(ends(log(1)), ends(`${log(2)}${END}`))
  await using errand = new ErrandClient({ url: server.url })
  assert.deepEqual(await seqsOf(errand.executions.logs('a')), [1, 2])
})

test('whoever wants new output alone gets what came since the node began to answer, after a cut before any', async () => {
  const date = { date: 'Thu, 01 Jan 2026 00:00:07 GMT' }
  await using server = await PlayedServer.open(
    sendsAndLeaves('', date),
    sendsAndLeaves('', { date: 'Thu, 01 Jan 2026 00:00:09 GMT' }),
    sends(END, date),
  )
  await using errand = new ErrandClient({ url: server.url })
  await seqsOf(errand.executions.logs('a', { follow: true, tail: 0, stream: 'stderr' }))
  const again = '/v1/executions/a/logs?follow=true&stream=stderr&since=2026-01-01T00%3A00%3A07.000Z'
  assert.deepEqual(server.paths, ['/v1/executions/a/logs?follow=true&stream=stderr&tail=0', again, again])
})

test('events of which nobody can say whether they were missed are a gap', async () => {
  const execution = { seq: 9, time: '2026-01-01T00:00:00.000Z', execution: 'a', status: 'running' }
  const event = `id: 9\nevent: execution\ndata: ${JSON.stringify(execution)}\n\n`
  await using server = await PlayedServer.open(sendsAndLeaves(''), sendsAndLeaves(event), sends(event))
  await using errand = new ErrandClient({ url: server.url })
  const events = errand.events()
  assert.deepEqual((await events.next()).value, { name: 'gap' })
  assert.deepEqual((await events.next()).value, { name: 'execution', execution })
  // From here on there is a place to go on from.
  assert.deepEqual((await events.next()).value, { name: 'execution', execution })
  assert.equal(server.requests[2]?.headers['last-event-id'], '9')
  await events.return()
})

test('an event of a name that is not known is left out', async () => {
  await using server = await PlayedServer.open(sends('event: weather\ndata: {}\n\nevent: gap\ndata: {}\n\n'))
  await using errand = new ErrandClient({ url: server.url })
  for await (const event of errand.events({ since: 1 })) {
    assert.deepEqual(event, { name: 'gap' })
    break
  }
})

test('what the node refuses while a stream is begun anew is thrown', async () => {
  const problem = JSON.stringify({ code: 'not_found', detail: 'there is no execution a', status: 404, details: {} })
  await using server = await PlayedServer.open(sendsAndLeaves(log(1)), says(404, 'application/problem+json', problem))
  await using errand = new ErrandClient({ url: server.url })
  const lines = errand.executions.logs('a')
  assert.equal((await lines.next()).value?.seq, 1)
  await assert.rejects(lines.next(), { code: 'not_found', message: 'there is no execution a' })
  assert.equal((await lines.next()).done, true)
})

test('an answer that is no stream of events, or has one without end, is no node', async () => {
  await using server = await PlayedServer.open(says(200, 'text/html', '<p>hello'), (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    const more = (): void => {
      while (!response.destroyed && response.write(`data: ${'x'.repeat(65_536)}\n`));
      response.once('drain', more)
    }
    more()
  })
  await using errand = new ErrandClient({ url: server.url })
  await assert.rejects(seqsOf(errand.executions.logs('a')), { code: 'internal' })
  await assert.rejects(seqsOf(errand.executions.logs('a')), { code: 'response_too_large' })
})

test('a node that is silent for too long is asked again; a reader that takes its time is not', async () => {
  const clock = new ManualClock()
  await using server = await PlayedServer.open(sends(log(1)), sends(`${log(2)}${END}`))
  await using errand = new ErrandClient({ url: server.url }, { clock, random: () => 0 })
  const lines = errand.executions.logs('a')
  assert.equal((await lines.next()).value?.seq, 1)
  await clock.advance(1_000_000)
  assert.equal(server.requests.length, 1)
  const next = lines.next()
  while (clock.pendingTimers === 0) await setImmediate()
  await clock.advance(44_999)
  assert.equal(server.requests.length, 1)
  await clock.advance(1)
  // What ends a connection takes turns of the event loop, after which it waits for its time.
  while (clock.pendingTimers === 0) await setImmediate()
  await clock.advance(100)
  assert.equal((await next).value?.seq, 2)
  assert.equal(server.requests[1]?.headers['last-event-id'], '1')
})

/** Lets time pass until `work` is over. */
async function untilOver<T>(clock: ManualClock, work: Promise<T>): Promise<T> {
  let isOver = false
  const over = (): void => {
    isOver = true
  }
  work.then(over, over)
  while (!isOver) {
    await setImmediate()
    await clock.advance(100)
  }
  return work
}

test('a node that cuts every stream before anything new came is given up after ten in a row', async () => {
  const clock = new ManualClock()
  await using server = await PlayedServer.open(
    ...Array.from({ length: 9 }, () => sendsAndLeaves('')),
    sendsAndLeaves(log(1)),
    sendsAndLeaves(log(2).slice(0, -1)),
  )
  await using errand = new ErrandClient({ url: server.url, patienceMs: 0 }, { clock, random: () => 0 })
  const seqs: number[] = []
  const reading = (async () => {
    for await (const { seq } of errand.executions.logs('a', { follow: true })) seqs.push(seq)
  })()
  const beganMs = clock.monotonicMs()
  const tired = {
    code: 'node_unavailable',
    message: /cut its answer off 10 times in a row/,
    details: { mayHaveArrived: true, cuts: 10 },
  }
  await assert.rejects(untilOver(clock, reading), tired)
  assert.deepEqual(seqs, [1])
  // The one with a line is none of them.
  assert.equal(server.requests.length, 9 + 1 + 10)
  assert.ok(clock.monotonicMs() - beganMs >= 20_000)
})

test('a node whose streams stand is not given up: something on the way may keep what it says, or cut it for its silence', async () => {
  const clock = new ManualClock()
  const silent = Array.from({ length: 11 }, () => sends(''))
  await using server = await PlayedServer.open(...silent, sends(`${log(1)}${END}`))
  await using errand = new ErrandClient({ url: server.url }, { clock, random: () => 0 })
  assert.deepEqual(await untilOver(clock, seqsOf(errand.executions.logs('a', { follow: true }))), [1])
})

test('a node that shows that it lives, or is away, is asked for as long as it takes', async () => {
  const clock = new ManualClock()
  const refuses: RequestListener = (request) => void request.socket.destroy()
  const answers = Array.from({ length: 30 }, (_each, index) => (index % 2 === 0 ? sendsAndLeaves(':\n\n') : refuses))
  await using server = await PlayedServer.open(...answers, sends(`${log(1)}${END}`))
  await using errand = new ErrandClient({ url: server.url }, { clock, random: () => 0 })
  assert.deepEqual(await untilOver(clock, seqsOf(errand.executions.logs('a', { follow: true }))), [1])
})
