import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises'
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { PlayedServer } from '../../client/played-server.fixture.ts'
import { neverOpen } from '../command-line.fixture.ts'
import { runCommand } from '../program.ts'
import { type TestTerminal, testTerminal } from '../test-terminal.fixture.ts'

// A node that answers as a test plays it: a real one answers too soon, or all of it at once.

const RECORD = { id: 'played', warnings: [], outputs: [], message: '' }
const RUNNING = { ...RECORD, status: 'running' }
const CANCELLED = { ...RECORD, status: 'cancelled', reason: 'cancelled', exitCode: 137 }
const COUNT = /cancelling; press Ctrl-C again to leave it running/g

type Play = (response: ServerResponse, request: IncomingMessage) => unknown

const json =
  (status: number, value: object): Play =>
  (response) =>
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value))
const silence: Play = () => {}

/** What a node does that has the execution running and says no more, but for these. */
function nodeWith(plays: Readonly<Record<string, Play>>): RequestListener {
  const all: Readonly<Record<string, Play>> = { 'POST /v1/executions': json(201, RUNNING), ...plays }
  return (request, response) => {
    const [path = ''] = (request.url ?? '').split('?')
    const play = all[`${request.method} ${path.replace('/played', '')}`] ?? silence
    play(response, request)
  }
}

interface Begun extends AsyncDisposable {
  readonly terminal: TestTerminal
  readonly ended: Promise<number>
  /** Resolves once the node has been asked for this. */
  asked(what: string): Promise<void>
  count(what: string): number
}

async function begin(plays: Readonly<Record<string, Play>>, words: readonly string[] = []): Promise<Begun> {
  const server = await PlayedServer.open(nodeWith(plays))
  const terminal = testTerminal({ columns: 80 })
  const args = ['run', '--host', server.url, '--id', 'played', ...words, 'image']
  const ended = runCommand(args, neverOpen, terminal)
  const count = (what: string): number =>
    server.requests.filter(({ method, url = '' }) => `${method} ${url.split('?')[0]}` === what).length
  return {
    terminal,
    ended,
    count,
    async asked(what) {
      while (count(what) === 0) await setImmediate()
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}

const CANCEL = 'POST /v1/executions/played/cancel'
const SUBMIT = 'POST /v1/executions'

test('the second Ctrl-C leaves at once, whatever a node does not answer', { timeout: 30_000 }, async () => {
  await using run = await begin({})
  await run.asked('GET /v1/executions/played/logs')
  run.terminal.send('SIGINT')
  await run.asked(CANCEL)
  run.terminal.send('SIGINT')
  assert.equal(await run.ended, 130)
  assert.match(run.terminal.printed.stderr, /left running: errand logs -f played\n$/)
  assert.deepEqual([run.terminal.exits, run.terminal.listeners()], [[], 0])
})

test('the second Ctrl-C leaves while the node has not even taken it', { timeout: 30_000 }, async () => {
  await using run = await begin({ [SUBMIT]: silence })
  await run.asked(SUBMIT)
  run.terminal.send('SIGTERM')
  run.terminal.send('SIGINT')
  assert.equal(await run.ended, 130)
  assert.match(run.terminal.printed.stderr, /whether it runs, says errand inspect played\n$/)
})

test('the third Ctrl-C ends the process as it is', { timeout: 30_000 }, async () => {
  await using run = await begin({})
  await run.asked('GET /v1/executions/played/logs')
  for (const name of ['SIGINT', 'SIGTERM', 'SIGINT'] as const) run.terminal.send(name)
  assert.deepEqual(run.terminal.exits, [130])
  assert.equal(await run.ended, 130)
})

test('a Ctrl-C before the node has taken it cancels it as soon as it has', { timeout: 30_000 }, async () => {
  const submitted = Promise.withResolvers<ServerResponse>()
  const plays = {
    [SUBMIT]: submitted.resolve,
    'POST /v1/executions/cancel': json(200, RUNNING),
    'GET /v1/executions/wait': json(200, CANCELLED),
  }
  await using run = await begin(plays, ['--detach'])
  const response = await submitted.promise
  run.terminal.send('SIGINT')
  json(201, RUNNING)(response, response.req)
  assert.equal(await run.ended, 130)
  assert.equal(run.count(CANCEL), 1)
  assert.equal(run.terminal.printed.stderr.match(COUNT)?.length, 1)
})

test('a cancel whose answer is lost is asked for again', { timeout: 30_000 }, async () => {
  const cancels: Play[] = [(response) => response.destroy(), json(200, RUNNING)]
  const waits = Promise.withResolvers<ServerResponse>()
  await using run = await begin(
    {
      'POST /v1/executions/cancel': (response, request) => cancels.shift()?.(response, request),
      'GET /v1/executions/wait': waits.resolve,
    },
    ['--json'],
  )
  const response = await waits.promise
  run.terminal.send('SIGINT')
  while (cancels.length > 0) await setImmediate()
  json(200, CANCELLED)(response, response.req)
  assert.equal(await run.ended, 130)
})

test('a Ctrl-C while inputs are sent is a cancel, told once', { timeout: 30_000 }, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'errand-inputs-'))
  after(() => rm(folder, { recursive: true }))
  const file = join(folder, 'large')
  await writeFile(file, '')
  await truncate(file, 1024 ** 3)
  const endings: Readonly<Record<string, Play>> = {
    'that goes on': silence,
    'that is refused then': (response, request) => {
      request.resume()
      json(409, { code: 'already_ended', detail: 'it has ended' })(response, request)
    },
  }
  for (const [name, ending] of Object.entries(endings)) {
    await t.test(name, async () => {
      const sending = Promise.withResolvers<[ServerResponse, IncomingMessage]>()
      const plays = {
        'PUT /v1/executions/inputs': (response: ServerResponse, request: IncomingMessage) =>
          sending.resolve([response, request]),
        'POST /v1/executions/cancel': json(200, RUNNING),
        'GET /v1/executions/wait': json(200, CANCELLED),
      }
      await using run = await begin(plays, ['--json', '-i', `${file}:/data`])
      const [response, request] = await sending.promise
      await once(request, 'readable')
      run.terminal.send('SIGINT')
      ending(response, request)
      assert.equal(await run.ended, 130)
      assert.equal(run.count(CANCEL), 1)
      assert.equal(run.terminal.printed.stderr.match(COUNT)?.length, 1)
    })
  }
})

test('once there is output, nobody is told any more what is waited for', { timeout: 30_000 }, async () => {
  const looked = Promise.withResolvers<ServerResponse>()
  const waited = Promise.withResolvers<ServerResponse>()
  const line = JSON.stringify({ seq: 1, time: '2026-01-01T00:00:00.000Z', stream: 'stdout', data: 'up\n' })
  await using run = await begin({
    'GET /v1/executions': looked.resolve,
    'GET /v1/executions/logs': async (response) => {
      await looked.promise
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(`id: 1\nevent: log\ndata: ${line}\n\n`)
      response.end('event: end\ndata: {}\n\n')
    },
    'GET /v1/executions/wait': waited.resolve,
  })
  const [look, wait] = await Promise.all([looked.promise, waited.promise])
  assert.match(run.terminal.printed.stdout, /^up\n/)
  json(200, { ...RECORD, status: 'creating' })(look, look.req)
  while (!look.writableFinished && !look.destroyed) await setImmediate()
  json(200, { ...RECORD, status: 'succeeded', exitCode: 0 })(wait, wait.req)
  assert.equal(await run.ended, 0)
  assert.doesNotMatch(run.terminal.printed.stderr, /starting/)
})
