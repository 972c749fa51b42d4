import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { namedTaskBody } from '../../http/contract/task-body.ts'
import { openV1Node } from '../../http/v1/v1-node.fixture.ts'
import { assertFits, commandLine } from '../command-line.fixture.ts'
import { testTerminal } from '../test-terminal.fixture.ts'
import { type PutFlags, readTaskBody } from './task-body.ts'

const EVIL = '\u001b]0;owned\u0007'

const node = await openV1Node({
  mirror: {
    serve: (request, response) => {
      const { method, url, headers } = request
      const status = Number(headers['x-status'] ?? '200')
      response.writeHead(status, {
        'content-type': 'text/plain',
        'x-said': `${method} ${url} ${headers['content-length']}`,
      })
      request.on('data', (chunk: Buffer) => void response.write(chunk))
      request.on('end', () => response.end())
    },
  },
  bytes: { serve: (_request, response) => void response.end(Buffer.from([0xff, 0x00])) },
  cut: {
    serve: (_request, response) => {
      response.writeHead(200, { 'content-length': '100' })
      response.write('half', () => response.destroy())
    },
  },
})
after(() => node[Symbol.asyncDispose]())
const folder = await mkdtemp(join(tmpdir(), 'errand-tasks-'))
after(() => rm(folder, { recursive: true }))
const errand = commandLine(`unix://${node.socketPath}`)

function put(flags: PutFlags, image: string | undefined = 'mirror', command: readonly string[] = []): Promise<object> {
  return readTaskBody(image, command, flags, testTerminal())
}

test('every flag becomes its field, in a body that the node understands', async () => {
  const flags: PutFlags = {
    env: ['A=1'],
    cpu: '0.5',
    mem: '64MiB',
    network: 'internal',
    port: '9000',
    readiness: 'http:/health',
    concurrency: 'unlimited',
    keepAlive: '5m',
    startTimeout: '30s',
    requestTimeout: '1m',
  }
  const body = await put(flags, 'mirror', ['serve', '-v'])
  assert.ok(namedTaskBody.safeParse(body).success)
  assert.deepEqual(body, {
    image: 'mirror',
    cmd: ['serve', '-v'],
    env: { A: '1' },
    resources: { cpu: 0.5, memory: '64MiB' },
    network: 'internal',
    port: 9000,
    readiness: 'http:/health',
    concurrency: 'unlimited',
    keepAliveMs: 300_000,
    startTimeoutMs: 30_000,
    requestTimeoutMs: 60_000,
  })
  await assert.rejects(put({ concurrency: 'some' }), { message: /^--concurrency "some": must be a whole number/ })
})

test('tasks are defined by flags, by a file and by what is piped in, listed, shown and forgotten', async () => {
  const yaml = join(folder, 'task.yaml')
  await writeFile(yaml, 'image: mirror\nresources: {memory: 32MiB}\nkeepAliveMs: 60000\n')
  const flagged = ['tasks', 'put', 'by-flags', 'mirror', '--mem', '64MiB', '-e', 'SECRET=x', '--', 'a', '--json']
  assert.equal((await errand(flagged)).printed.stdout, 'by-flags\n')
  assert.equal((await errand(['tasks', 'put', 'by-file', '-f', yaml])).printed.stdout, 'by-file\n')
  const piped = await errand(['tasks', 'put', 'by-pipe', '-f', '-', '--json'], { input: '{"image": "mirror"}' })
  assert.equal(JSON.parse(piped.printed.stdout).name, 'by-pipe')

  const list = assertFits((await errand(['tasks'], { columns: 80 })).printed.stdout, 80)
  assert.match(list, /^NAME +IMAGE +CPU +MEMORY +CALLER\nby-file +mirror +1 +32 MiB +\S+\nby-flags +mirror +1 +64 MiB/)
  const lines = (await errand(['tasks', '--json'])).printed.stdout.trim().split('\n')
  assert.deepEqual(
    lines.map((line) => JSON.parse(line).name),
    ['by-file', 'by-flags', 'by-pipe'],
  )
  const { stdout } = (await errand(['tasks', 'show', 'by-flags'])).printed
  assert.match(stdout, /^command +a --json$/m)
  assert.match(stdout, /^environment +SECRET$/m)
  assert.equal(JSON.parse((await errand(['tasks', 'show', '--json', 'by-file'])).printed.stdout).keepAliveMs, 60_000)

  const removed = await errand(['tasks', 'rm', 'by-flags', 'by-file', 'by-pipe', 'never'])
  assert.deepEqual([removed.status, removed.printed.stdout], [66, 'by-flags\nby-file\nby-pipe\n'])
})

test('a task that makes no sense is refused, by us or by the node', async () => {
  const broken = join(folder, 'broken.yaml')
  await writeFile(broken, 'image: [')
  for (const [words, status, why] of [
    [['t'], 65, /give an image, or --file/],
    [['t', 'mirror', '-f', broken], 65, /give an image, or --file/],
    [['-f', broken, 't'], 65, /broken\.yaml: /],
    [['-f', join(folder, 'none'), 't'], 66, /none cannot be read: ENOENT/],
    [['--port', 'x', 't', 'mirror'], 65, /--port "x"/],
    [['Big Name', 'mirror'], 65, /name: must match/],
    [['--readiness', 'soon', 't', 'mirror'], 65, /readiness/],
  ] as const) {
    const ended = await errand(['tasks', 'put', ...words])
    assert.equal(ended.status, status, `${words.join(' ')}: ${ended.printed.stderr}`)
    assert.match(ended.printed.stderr, why)
  }
})

test('an invocation passes through: method, path, headers, and a body from a word, a file or stdin', async () => {
  await errand(['tasks', 'put', 'mirror', 'mirror'])
  const got = await errand(['invoke', 'mirror', '/a?b=c', '-i'])
  assert.equal(got.status, 0, got.printed.stderr)
  assert.match(got.printed.stdout, /^HTTP\/1\.1 200\n[\s\S]*^x-said: GET \/a\?b=c [\s\S]*\n\n$/m)

  const file = join(folder, 'data')
  await writeFile(file, `from a file\n`)
  const posted = await errand(['invoke', 'mirror', '-i', '-d', `@${file}`])
  assert.match(posted.printed.stdout, /x-said: POST \/ 12\n[\s\S]*\n\nfrom a file\n$/)
  const piped = await errand(['invoke', 'mirror', '-X', 'PUT', '-d', '@-', '-i'], { input: 'piped' })
  assert.match(piped.printed.stdout, /x-said: PUT \/ [\s\S]*\n\npiped$/)
  assert.equal((await errand(['invoke', 'mirror', '-d', 'a word'])).printed.stdout, 'a word')
})

test('an error status of a task is 22, and its answer is shown all the same', async () => {
  const ended = await errand(['invoke', 'mirror', '-H', 'X-Status: 418', '-d', 'tea'])
  assert.deepEqual([ended.status, ended.printed.stdout], [22, 'tea'])
  assert.equal(ended.printed.stderr, 'errand: the task answered with 418\n')
  assert.equal((await errand(['invoke', 'mirror', '-H', 'x-status: 302', '-d', ''])).status, 0)
})

test('what the node refuses, and what is cut off, is told by our own statuses', async () => {
  assert.equal((await errand(['invoke', 'nothing'])).status, 66)
  assert.equal((await errand(['invoke', 'mirror', '-d', `@${join(folder, 'none')}`])).status, 66)
  for (const header of ['X', 'a b: c', ': x']) {
    assert.equal((await errand(['invoke', 'mirror', '-H', header])).status, 65, header)
  }
  await errand(['tasks', 'put', 'cut', 'cut'])
  const cut = await errand(['invoke', 'cut'])
  assert.ok([69, 76].includes(cut.status), `${cut.status}: ${cut.printed.stderr}`)
})

test('A51: no answer of a task gives a terminal an instruction, unless that is asked for', async () => {
  const asked = ['invoke', 'mirror', '-d', EVIL]
  assert.equal((await errand(asked, { columns: 80 })).printed.stdout, '␛]0;owned␇')
  assert.equal((await errand([...asked, '--raw'], { columns: 80 })).printed.stdout, EVIL)
  assert.equal((await errand(asked)).printed.stdout, EVIL)
})

test('JSON has status, headers and body, whatever that is', async () => {
  await errand(['tasks', 'put', 'bytes', 'bytes'])
  const { status, body } = JSON.parse((await errand(['invoke', 'mirror', '--json', '-d', 'x'])).printed.stdout)
  assert.deepEqual([status, body], [200, 'x'])
  assert.equal(JSON.parse((await errand(['invoke', 'bytes', '--json'])).printed.stdout).base64, '/wA=')
})

test('instances are listed and evicted', async () => {
  const list = assertFits((await errand(['instances'], { columns: 80 })).printed.stdout, 80)
  assert.match(list, /^ID +TASK +STATE +ANSWERED +IDLE +MEMORY\n/)
  const lines = (await errand(['instances', '--json'])).printed.stdout.trim().split('\n')
  const ids = lines.map((line) => JSON.parse(line)).filter(({ task }) => task === 'mirror')
  const [{ id }] = ids
  assert.equal((await errand(['instances', 'evict', id])).printed.stdout, `${id}\n`)
  assert.equal((await errand(['instances', 'evict', 'nobody'])).status, 66)
})

test('tables fit a terminal, however long names are', async () => {
  const long = 'x'.repeat(63)
  await errand(['tasks', 'put', long, 'mirror'])
  const list = assertFits((await errand(['tasks'], { columns: 80 })).printed.stdout, 80)
  assert.match(list, /^x+… +mirror +1 /m)
  await errand(['invoke', long])
  assertFits((await errand(['instances'], { columns: 60 })).printed.stdout, 60)
  const failed = await errand(['invoke', long, '--json', '-H', 'x-status: 500'])
  assert.deepEqual([failed.status, failed.printed.stderr], [22, ''])
})
