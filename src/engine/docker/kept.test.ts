import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EngineStub, json, type StubHandler, type StubRoutes } from '../../../test/support/engine-stub.ts'
import { readOutput } from '../conformance-bench.ts'
import { DockerClient } from './client.ts'
import { keptFiles, keptOutput } from './kept.ts'

const never = new AbortController().signal
const REF = { name: 'box', id: 'abc' }

async function ask(routes: StubRoutes): Promise<{ stub: EngineStub; client: DockerClient } & AsyncDisposable> {
  const stub = await EngineStub.open({ routes })
  const client = await DockerClient.open(stub, never)
  const dispose = async (): Promise<void> => {
    await client[Symbol.asyncDispose]()
    await stub[Symbol.asyncDispose]()
  }
  return { stub, client, [Symbol.asyncDispose]: dispose }
}

test('output is asked for as the range says', async () => {
  const end: StubHandler = (_request, response) => void response.end()
  await using opened = await ask({ 'GET /containers/abc/logs': end })
  const { client, stub } = opened
  for (const range of [{}, { lastLines: 0 }, { lastLines: 3, sinceMs: 1_700_000_000_123, follow: true }]) {
    await readOutput(keptOutput(client, REF, range, never))
  }
  const queries = stub.requests.map((request) => request.replace(/^.*\?/, ''))
  assert.deepEqual(queries, [
    'stdout=1&stderr=1&tail=all',
    'stdout=1&stderr=1&tail=0',
    'stdout=1&stderr=1&tail=3&since=1700000000.123&follow=1',
  ])
})

test('files are read only as fast as they are consumed, and an abort ends the reading', async () => {
  const piece = Buffer.alloc(64 * 1024)
  const total = 64 * 1024 * 1024
  let written = 0
  const closed = Promise.withResolvers<void>()
  await using opened = await ask({
    'GET /containers/abc/json': json({}),
    'GET /containers/abc/archive': (_request, response) => {
      const pump = (): void => {
        while (written < total && !response.destroyed) {
          written += piece.length
          if (!response.write(piece)) return
        }
      }
      response.on('drain', pump).on('close', closed.resolve)
      pump()
    },
  })
  const controller = new AbortController()
  const files = keptFiles(opened.client, REF, '/a b/../c', controller.signal)
  await files.next()
  // As many turns of the loop as a greedy reader would need to take far more.
  const request = { operation: 'inspect', method: 'GET', path: '/containers/abc/json' } as const
  for (let turn = 0; turn < 100; turn += 1) await opened.client.look(request, never)
  assert.ok(written < total / 8, `${written} bytes were taken ahead of the reader`)
  assert.match(opened.stub.requests[0] ?? '', /\/archive\?path=%2Fa\+b%2F\.\.%2Fc$/)
  const reason = new Error('given up')
  controller.abort(reason)
  await assert.rejects(async () => {
    for await (const _chunk of files);
  }, reason)
  await closed.promise
})

test('a reader that stops early lets go of the connection', async () => {
  const closed = Promise.withResolvers<void>()
  await using opened = await ask({
    'GET /containers/abc/archive': (_request, response) => {
      response.on('close', closed.resolve).write('x')
    },
  })
  for await (const _chunk of keptFiles(opened.client, REF, '/', never)) break
  await closed.promise
})
