import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import type { InvocationView } from '../../client/client.ts'
import { openV1Node } from '../../http/v1/v1-node.fixture.ts'
import { assertFits, commandLine } from '../command-line.fixture.ts'

const EVIL = '\u001b]0;owned\u0007'

const held = Promise.withResolvers<void>()
const node = await openV1Node({
  mirror: {
    serve: (request, response) => {
      response.writeHead(Number(request.headers['x-status'] ?? '200'), { 'x-said': `${request.method} ${request.url}` })
      request.on('data', (chunk: Buffer) => void response.write(chunk))
      request.on('end', () => response.end())
    },
  },
  slow: { serve: (_request, response) => void held.promise.then(() => response.end('at last')) },
})
after(() => node[Symbol.asyncDispose]())
const errand = commandLine(`unix://${node.socketPath}`)
for (const task of ['mirror', 'slow']) await errand(['tasks', 'put', task, task])

/** Resolves with its id. */
async function begin(...words: readonly string[]): Promise<string> {
  const { status, printed } = await errand(['invoke', ...words, '--async'])
  assert.equal(status, 0, printed.stderr)
  return printed.stdout.trim()
}

async function recordOf(id: string): Promise<InvocationView> {
  return JSON.parse((await errand(['invocations', 'get', '--json', id])).printed.stdout)
}

test('a request is answered later: its id now, its answer when it is there', async () => {
  const id = await begin('mirror', '/a?b=c', '-d', 'tea', '-H', 'x-status: 201')
  assert.deepEqual((await errand(['invocations', 'wait', id])).printed.stdout, '')
  const answer = await errand(['invocations', 'response', id])
  assert.deepEqual([answer.status, answer.printed.stdout], [0, 'tea'])
  assert.match(
    (await errand(['invocations', 'response', '-i', id])).printed.stdout,
    /^HTTP\/1\.1 201\n[\s\S]*^x-said: POST \/a\?b=c$[\s\S]*\n\ntea$/m,
  )
  const { status, body } = JSON.parse((await errand(['invocations', 'response', '--json', id])).printed.stdout)
  assert.deepEqual([status, body], [201, 'tea'])
  const shown = (await errand(['invocations', 'get', id])).printed.stdout
  assert.match(shown, /^status +answered \(201\)$/m)
  assert.match(shown, /^task +mirror$/m)
})

test('what is piped in is sent as it comes, and one key stands for one request', async () => {
  const piped = ['invoke', 'mirror', '--async', '--idempotency-key', 'once', '--idempotent', '--json', '-d', '@-']
  const first = JSON.parse((await errand(piped, { input: 'some' })).printed.stdout)
  assert.equal(first.idempotent, true)
  assert.equal(JSON.parse((await errand(piped, { input: 'some' })).printed.stdout).id, first.id)
  assert.equal((await errand(piped, { input: 'other' })).status, 65)
  assert.equal((await errand(['invocations', 'wait', first.id])).status, 0)
})

test('waiting and reading end as the request did', async () => {
  const [good, bad] = [await begin('mirror', '-d', 'x'), await begin('mirror', '-d', 'y', '-H', 'x-status: 500')]
  const waited = await errand(['invocations', 'wait', good, bad])
  assert.equal(waited.status, 22)
  assert.equal(waited.printed.stdout, `${good}  answered (200)\n${bad}  answered (500)\n`)
  const answer = await errand(['invocations', 'response', bad])
  assert.deepEqual([answer.status, answer.printed.stdout], [22, 'y'])
  assert.equal((await errand(['invocations', 'wait', 'nobody'])).status, 66)
})

test('what has not ended is listed, waited for no longer than is wanted, and forgotten by force alone', async () => {
  const id = await begin('slow')
  while ((await recordOf(id)).status !== 'running') await setImmediate()
  assert.equal((await errand(['invocations', 'wait', '--timeout', '20ms', id])).status, 75)
  assert.equal((await errand(['invocations', 'response', id])).status, 69)
  const list = assertFits((await errand(['invocations'], { columns: 80 })).printed.stdout, 80)
  assert.match(list, new RegExp(`^ID +TASK +STATUS +AGE +TOOK\\n${id} +slow +running `))
  const lines = (await errand(['invocations', 'list', '--json'])).printed.stdout.trim().split('\n')
  assert.equal(JSON.parse(lines[0] ?? '').id, id)
  assert.ok(lines.length > 3)
  assert.equal((await errand(['invocations', '-q', '-n', '1'])).printed.stdout, `${id}\n`)
  const kept = await errand(['invocations', 'rm', id])
  assert.equal(kept.status, 65)
  assert.match(kept.printed.stderr, /has not ended: it is running; --force/)
  const removed = await errand(['invocations', 'rm', '--force', '--json', id, 'nobody'])
  assert.deepEqual([removed.status, removed.printed.stdout], [66, `{"removed":"${id}"}\n`])
  assert.equal(JSON.parse(removed.printed.stderr).error.code, 'not_found')
  assert.equal((await errand(['invocations', 'get', id])).status, 66)
  held.resolve()
})

test('what is only for later is refused otherwise, and a host that may not be told is told of', async () => {
  for (const flags of [['--webhook', 'https://a.test'], ['--idempotent'], ['--idempotency-key', 'a']]) {
    const { status, printed } = await errand(['invoke', 'mirror', ...flags])
    assert.equal(status, 65)
    assert.match(printed.stderr, /only with --async/)
  }
  assert.equal((await errand(['invoke', 'mirror', '--async', '-i'])).status, 65)
  const told = await errand(['invoke', 'mirror', '--async', '--webhook', 'https://a.test/done', '--json'])
  assert.notEqual(told.status, 0)
  assert.ok(JSON.parse(told.printed.stderr).error.code)
})

test('A51: no answer that was kept gives a terminal an instruction, unless that is asked for', async () => {
  const id = await begin('mirror', '-d', EVIL)
  await errand(['invocations', 'wait', id])
  assert.equal((await errand(['invocations', 'response', id], { columns: 80 })).printed.stdout, '␛]0;owned␇')
  assert.equal((await errand(['invocations', 'response', '--raw', id], { columns: 80 })).printed.stdout, EVIL)
})
