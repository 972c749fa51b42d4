import assert from 'node:assert/strict'
import { mkdir, open, rm, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { RawConnection } from '../wire-kit.fixture.ts'
import { openV1Node, problemIn, viewOf } from './v1-node.fixture.ts'

const FLOOD_BYTES = 1024 * 1024

const node = await openV1Node({
  talks: {
    run: async (process) => {
      process.print('one\n')
      await process.untilSignal('SIGTERM')
      return 0
    },
  },
  floods: {
    run: async (process) => {
      for (let at = 0; at < FLOOD_BYTES; at += 65_536) process.print('x'.repeat(65_536))
      await process.untilSignal('SIGTERM')
      return 0
    },
  },
  silent: {
    run: async (process) => {
      await process.untilSignal('SIGTERM')
      return 0
    },
  },
})
after(() => node[Symbol.asyncDispose]())
const ann = await node.token('ann', 'read', 'submit')

const FORMS = ['application/x-ndjson', 'text/event-stream', 'text/plain']

async function submit(image: string): Promise<string> {
  return viewOf(await node.call(ann, 'POST /v1/executions', { task: { image } })).id
}

async function submitEnded(): Promise<string> {
  const id = await submit('hello')
  assert.equal((await node.call(ann, `GET /v1/executions/${id}/wait?timeout=60s`)).status, 200)
  return id
}

/** One whose first line is on the disk. */
async function submitTalking(): Promise<string> {
  const id = await submit('talks')
  while ((await node.call(ann, `GET /v1/executions/${id}/logs`)).text === '') await setImmediate()
  return id
}

function logFolder(id: string): string {
  return join(node.stateDir, 'executions', id, 'log')
}

/** Something is there, and is no file. */
async function putFolderInPlace(id: string): Promise<void> {
  await rm(join(logFolder(id), 'head'))
  await mkdir(join(logFolder(id), 'head'))
}

/** What comes after the beginning of its file is nothing that was ever written. */
async function damage(id: string): Promise<void> {
  await using file = await open(join(logFolder(id), 'head'), 'r+')
  const { buffer } = await file.read(Buffer.alloc(4), 0, 4, 0)
  const afterStart = 12 + (buffer.readUInt32LE(0) & 0xffffff)
  await file.write(Buffer.alloc(12), 0, 12, afterStart)
}

async function assertRefused(id: string, status: number, code: string): Promise<void> {
  for (const accept of FORMS) {
    for (const query of ['', '?follow', '?follow&tail=1', '?stream=stderr']) {
      const answer = await node.call(ann, `GET /v1/executions/${id}/logs${query}`, undefined, { accept })
      const where = `${accept} ${query}`
      assert.deepEqual([answer.status, answer.headers['content-type']], [status, 'application/problem+json'], where)
      assert.equal(problemIn(answer).code, code, where)
    }
  }
}

test('a log whose files are gone is refused in every form, not begun and cut off', async () => {
  const id = await submitEnded()
  await rm(logFolder(id), { recursive: true })
  await assertRefused(id, 404, 'not_found')
})

test('a log that cannot be read is a storage_error, whether its execution has ended or goes on', async () => {
  const [ended, running] = [await submitEnded(), await submitTalking()]
  for (const id of [ended, running]) {
    await putFolderInPlace(id)
    await assertRefused(id, 503, 'storage_error')
  }
})

test('a log that is damaged where it is read is a storage_error', async () => {
  const id = await submitTalking()
  await damage(id)
  await assertRefused(id, 503, 'storage_error')
  assert.equal((await node.call(ann, `HEAD /v1/executions/${id}/logs?follow`)).status, 503)
})

test('a follower of a damaged log ends with what is left of it once its execution has ended', async () => {
  const id = await submitEnded()
  await damage(id)
  const { status, text } = await node.call(ann, `GET /v1/executions/${id}/logs?follow`)
  assert.deepEqual([status, text], [200, ''])
})

test('a follower has its head before there is any line', async () => {
  const id = await submit('silent')
  using connection = new RawConnection(node.ports.token)
  connection.write(`GET /v1/executions/${id}/logs?follow HTTP/1.1`, 'host: 127.0.0.1', `authorization: ${ann}`, '', '')
  assert.match(await connection.until('\r\n\r\n'), /^HTTP\/1\.1 200 OK\r\n/)
})

test('F57: a log that turns out to be damaged later is cut off, and reset where an end would make it whole', async () => {
  const id = await submit('floods')
  const path = `/v1/executions/${id}/logs`
  while ((await node.call(ann, `GET ${path}`, undefined, { accept: 'text/plain' })).text.length < FLOOD_BYTES) {
    await setImmediate()
  }
  // Beyond what is read at once.
  await truncate(join(logFolder(id), 'head'), FLOOD_BYTES / 2)
  for (const version of ['1.0', '1.1']) {
    using connection = new RawConnection(node.ports.token)
    connection.write(`GET ${path}?follow HTTP/${version}`, 'host: 127.0.0.1', `authorization: ${ann}`, '', '')
    const received = await connection.untilClosed()
    assert.match(received, /^HTTP\/1\.1 200 OK\r\n/)
    assert.ok(received.includes('xxxx') && !received.endsWith('0\r\n\r\n'))
    if (version === '1.0') assert.equal(connection.failure, 'ECONNRESET')
  }
})
