import assert from 'node:assert/strict'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { after, test } from 'node:test'
import type { FakeProcess } from '../../engine/fake/fake-engine.ts'
import type { EventView } from '../contract/event-view.ts'
import type { LogLine } from '../contract/log-line.ts'
import type { Ask } from '../wire-kit.fixture.ts'
import { openV1Node, viewOf } from './v1-node.fixture.ts'

const processes: FakeProcess[] = []
const node = await openV1Node({
  talks: {
    run: async (process) => {
      processes.push(process)
      process.print('one\ntwo\n')
      process.print({ stream: 'stderr', data: 'three\n' })
      await process.untilSignal('SIGUSR1', 'SIGTERM')
      process.print('four\n')
      return 0
    },
  },
  floods: {
    run: async (process) => {
      await process.flood(8 * 1024 * 1024)
      return 0
    },
  },
})
after(() => node[Symbol.asyncDispose]())
const ann = await node.token('ann', 'read', 'submit')

async function submit(image: string, more: object = {}): Promise<string> {
  const answer = await node.call(ann, 'POST /v1/executions', { task: { image }, ...more })
  assert.equal(answer.status, 201, answer.text)
  return viewOf(answer).id
}

async function submitEnded(image: string, more: object = {}): Promise<string> {
  const id = await submit(image, more)
  assert.equal((await node.call(ann, `GET /v1/executions/${id}/wait?timeout=60s`)).status, 200)
  return id
}

interface Stream extends Disposable {
  readonly response: IncomingMessage
  /** All that came, once `text` is in it. */
  until(text: string): Promise<string>
  untilEnd(): Promise<string>
}

function open(path: string, headers: Ask['headers'] = {}, token = ann): Promise<Stream> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port: node.ports.token, path, agent: false }
    const request = httpRequest({ ...options, headers: { authorization: token, ...headers } }, (response) => {
      const source = response.setEncoding('utf8')[Symbol.asyncIterator]()
      let received = ''
      const more = async (): Promise<boolean> => {
        const { value, done } = await source.next()
        if (done !== true) received += String(value)
        return done !== true
      }
      resolve({
        response,
        async until(text) {
          while (!received.includes(text)) assert.ok(await more(), `ended without ${text}: ${received}`)
          return received
        },
        async untilEnd() {
          while (await more());
          return received
        },
        [Symbol.dispose]: () => request.destroy(),
      })
    })
    request.once('error', reject)
    request.end()
  })
}

test('output comes as lines of JSON, with the bytes beside a text that has not all of them', async () => {
  const id = await submitEnded('hello')
  const answer = await node.call(ann, `GET /v1/executions/${id}/logs`)
  assert.equal(answer.headers['content-type'], 'application/x-ndjson')
  const lines: LogLine[] = answer.text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  assert.deepEqual(
    lines.map(({ seq, stream, data, base64 }) => [seq, stream, data, base64]),
    [
      [1, 'stdout', 'hello\n', undefined],
      [2, 'stderr', '\ufffd\n', '/wo='],
    ],
  )
  const since = await node.call(ann, `GET /v1/executions/${id}/logs?since=1`)
  assert.equal(since.text, `${JSON.stringify(lines[1])}\n`)
  const later = await node.call(ann, `GET /v1/executions/${id}/logs?since=2100-01-01T00:00:00Z`)
  assert.equal(later.text, '')
})

test('output comes as its exact bytes', async () => {
  const id = await submitEnded('hello')
  const accept = { accept: 'text/plain' }
  const out = await node.call(ann, `GET /v1/executions/${id}/logs?stream=stdout`, undefined, accept)
  assert.deepEqual([out.headers['content-type'], out.text], ['text/plain; charset=utf-8', 'hello\n'])
  assert.equal(out.headers['x-content-type-options'], 'nosniff')
  const tail = await node.call(ann, `GET /v1/executions/${id}/logs?tail=0`, undefined, accept)
  assert.equal(tail.text, '')
})

test('who follows gets what is printed until the end; who comes again, what came since', async () => {
  const id = await submit('talks')
  const path = `/v1/executions/${id}/logs?follow&tail=2`
  using events = await open(path, { accept: 'text/event-stream' })
  assert.equal(events.response.headers['content-type'], 'text/event-stream')
  using lines = await open(`/v1/executions/${id}/logs?follow=true`)
  await lines.until('three')
  using late = await open(path, { accept: 'text/event-stream' })
  const seen = await late.until('three')
  assert.match(seen, /^id: 1\nevent: log\ndata: \{"seq":1,.*"data":"two\\n"\}\n\nid: 2\nevent: log\n/)
  using again = await open(path, { accept: 'text/event-stream', 'last-event-id': '2' })
  await node.call(ann, `POST /v1/executions/${id}/cancel`, { graceMs: 60_000 })
  assert.match(await again.untilEnd(), /^id: 3\nevent: log\ndata: .*"four\\n"\}\n\nevent: end\ndata: \{\}\n\n$/)
  assert.match(await events.untilEnd(), /"four\\n"\}\n\nevent: end\n/)
  assert.equal((await lines.untilEnd()).trim().split('\n').length, 3)
})

test('a reader that stops for a while gets the rest when it goes on', async () => {
  const id = await submitEnded('floods', { limits: { logBytes: 64 * 1024 * 1024 } })
  const accept = { accept: 'text/plain' }
  const { text } = await node.call(ann, `GET /v1/executions/${id}/logs`, undefined, accept)
  using stream = await open(`/v1/executions/${id}/logs`, accept)
  stream.response.pause()
  for (let i = 0; i < 20; i += 1) await node.call(ann, 'GET /v1/node')
  assert.ok((await stream.untilEnd()) === text)
})

test('a gap in what was kept is told, and skipped by who comes again', async () => {
  const id = await submitEnded('floods', { limits: { logBytes: 128 * 1024 } })
  const { text } = await node.call(ann, `GET /v1/executions/${id}/logs`)
  const lines: LogLine[] = text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  const gap = lines.find((line) => line.gap !== undefined)
  assert.equal(gap?.gap?.cause, 'limit')
  assert.ok((gap.gap.bytes ?? 0) > 1024 * 1024)
  assert.equal(gap.data, undefined)
  const readable = await node.call(ann, `GET /v1/executions/${id}/logs`, undefined, { accept: 'text/plain' })
  assert.ok(readable.text.includes(`\n[errand: ${gap.gap.bytes} bytes lost]\n`))
  using events = await open(`/v1/executions/${id}/logs`, { accept: 'text/event-stream' })
  assert.ok((await events.untilEnd()).includes(`id: ${gap.gap.untilSeq}\nevent: log\n`))
})

/** The data of every event with this name. */
function eventsIn(text: string): EventView[] {
  return [...text.matchAll(/^event: execution\ndata: (.*)$/gm)].map(([, data = '']) => JSON.parse(data))
}

test("events tell every change of one's own executions, and go on where a reader was", async () => {
  const eve = await node.token('eve', 'read', 'submit')
  const all = await node.token('all', 'read', 'admin')
  using own = await open('/v1/events', {}, ann)
  using others = await open('/v1/events', {}, eve)
  using every = await open('/v1/events', {}, all)
  const id = await submitEnded('hello')
  const theirs = viewOf(await node.call(eve, 'POST /v1/executions', { task: { image: 'hello' } })).id
  const last = submitEnded('hello')
  const mine = eventsIn(await own.until(`"execution":"${await last}","status":"failed"`))
  const statuses = mine.filter(({ execution }) => execution === id).map(({ status }) => status)
  assert.deepEqual(statuses, ['accepted', 'queued', 'pulling', 'creating', 'running', 'finalizing', 'failed'])
  assert.ok(mine.every(({ execution }) => execution !== theirs))
  const seen = eventsIn(await others.until('"status":"failed"'))
  assert.ok(seen.every(({ execution }) => execution === theirs))
  await every.until(theirs)
  await every.until(`"execution":"${await last}","status":"failed"`)
  const from = mine.find(({ execution, status }) => execution === id && status === 'running')
  using again = await open('/v1/events', { 'last-event-id': `${from?.seq}` }, ann)
  const replayed = await again.until(`"execution":"${await last}","status":"failed"`)
  assert.deepEqual(
    eventsIn(replayed),
    mine.filter(({ seq }) => seq > (from?.seq ?? 0)),
  )
  assert.ok(!replayed.includes('event: gap'))
  using lost = await open('/v1/events', { 'last-event-id': '999999999' }, ann)
  await lost.until('event: gap\ndata: {}\n\n')
})

test('a reader that left is not kept: its follower ends', async () => {
  const id = await submit('talks')
  {
    using lines = await open(`/v1/executions/${id}/logs?follow`)
    await lines.until('three')
  }
  // The log of a removed execution is let go of: nothing holds it open.
  assert.equal((await node.call(ann, `DELETE /v1/executions/${id}`)).status, 204)
})

test('the follower of an execution that is removed is cut off, not told that all was well', async () => {
  const id = await submitEnded('hello')
  const running = await submit('talks')
  using lines = await open(`/v1/executions/${running}/logs?follow`)
  await lines.until('three')
  assert.equal((await node.call(ann, `DELETE /v1/executions/${running}`)).status, 204)
  await lines.untilEnd().catch(() => {})
  assert.equal((await node.call(ann, `GET /v1/executions/${id}/logs`)).status, 200)
})

test('a log is answered as what is wanted, or with 406', async () => {
  const id = await submitEnded('hello')
  for (const [accept, status, type] of [
    ['text/plain;q=0.1, text/event-stream;q=0.2', 200, 'text/event-stream'],
    ['text/plain;q=0, */*', 200, 'application/x-ndjson'],
    ['application/json', 406, 'application/problem+json'],
  ] as const) {
    const answer = await node.call(ann, `GET /v1/executions/${id}/logs`, undefined, { accept })
    assert.deepEqual([answer.status, answer.headers['content-type']], [status, type], accept)
  }
})

test('HEAD is answered as GET is, without the body, and ends where that would go on', async () => {
  const [ended, id] = [await submitEnded('hello'), await submit('talks')]
  for (const path of ['/v1/node', '/v1/executions', `/v1/executions/${id}`, `/v1/executions/${ended}/outputs`]) {
    const [head, whole] = [await node.call(ann, `HEAD ${path}`), await node.call(ann, `GET ${path}`)]
    assert.deepEqual(
      [head.status, head.headers['content-type'], head.text],
      [200, whole.headers['content-type'], ''],
      path,
    )
  }
  for (const path of ['/v1/events', `/v1/executions/${id}/logs?follow`]) {
    assert.equal((await node.call(ann, `HEAD ${path}`)).status, 200, path)
  }
  assert.equal((await node.call(ann, 'HEAD /v1/executions/no-such')).status, 404)
  assert.equal((await node.call(ann, `HEAD /v1/executions/${id}/cancel`)).status, 405)
  await node.call(ann, `DELETE /v1/executions/${id}`)
})
