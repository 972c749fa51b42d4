import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import type { ExecutionView } from '../../client/client.ts'
import { PlayedServer, says } from '../../client/played-server.fixture.ts'
import type { FakeScript } from '../../engine/fake/fake-engine.ts'
import { openV1Node } from '../../http/v1/v1-node.fixture.ts'
import { commandLine, neverOpen } from '../command-line.fixture.ts'
import { runCommand } from '../program.ts'
import { testTerminal } from '../test-terminal.fixture.ts'

const TOGETHER = 4
const told = { count: 0, all: Promise.withResolvers<void>() }

const IMAGES: Readonly<Record<string, FakeScript>> = {
  good: { run: async () => 0 },
  /** Does not end when it is asked to. */
  deaf: {
    run: async (process) => {
      for (;;) await process.untilSignal('SIGTERM')
    },
  },
  /** Ends as soon as all of them are asked to. */
  together: {
    run: async (process) => {
      await process.untilSignal('SIGTERM')
      told.count += 1
      if (told.count === TOGETHER) told.all.resolve()
      await told.all.promise
      return 0
    },
  },
}
const node = await openV1Node(IMAGES)
after(() => node[Symbol.asyncDispose]())
const url = `unix://${node.socketPath}`
const errand = commandLine(url)

/** Resolves once it runs. */
async function begin(id: string, image: string, ...flags: readonly string[]): Promise<void> {
  const { status, printed } = await errand(['run', '-d', '--id', id, '--mem', '6MiB', ...flags, image])
  assert.equal(status, 0, printed.stderr)
  while ((await recordOf(id)).status !== 'running') await setImmediate()
}

async function recordOf(id: string): Promise<ExecutionView> {
  return JSON.parse((await errand(['inspect', '--json', id])).printed.stdout)
}

/** What a command that failed under `--json` says of why. */
function errorsIn(stderr: string): { code: string; message: string; details: { id?: string } }[] {
  return stderr
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line).error)
}

test('several are cancelled side by side, and waited for until they have ended', async () => {
  const ids = Array.from({ length: TOGETHER }, (_, at) => `together-${at}`)
  for (const id of ids) await begin(id, 'together')
  const { status, printed } = await errand(['cancel', '--grace', '10m', ...ids])
  assert.deepEqual([status, printed.stdout], [0, `${ids.join('\n')}\n`])
  for (const id of ids) assert.equal((await recordOf(id)).status, 'cancelled')
})

test('Ctrl-C ends the waiting for those that are cancelled, and says so once', async () => {
  for (const id of ['stays-1', 'stays-2']) await begin(id, 'deaf')
  const terminal = testTerminal({ environment: { ERRAND_HOST: url } })
  const ended = runCommand(['cancel', '--grace', '10m', 'stays-1', 'stays-2'], neverOpen, terminal)
  while (terminal.listeners() === 0) await setImmediate()
  terminal.send('SIGINT')
  assert.equal(await ended, 130)
  assert.equal(terminal.printed.stderr, 'errand: asked to end by SIGINT\n')
  assert.equal(terminal.listeners(), 0)
  const killed = await errand(['cancel', '--grace', '0s', 'stays-1', 'stays-2'])
  assert.equal(killed.status, 0, killed.printed.stderr)
})

test('a cancel that does not wait leaves before the end, and its JSON is a record', async () => {
  await begin('slow', 'deaf')
  const { printed } = await errand(['cancel', '--no-wait', '--json', '--grace', '200ms', 'slow'])
  assert.equal(JSON.parse(printed.stdout).id, 'slow')
  assert.equal((await errand(['wait', 'slow'])).status, 130)
})

test('wait, inspect and rm take several, and what is wrong with some keeps nothing from the others', async () => {
  await errand(['run', '--id', 'one', 'good'])
  await errand(['run', '--id', 'two', 'hello'])
  const waited = await errand(['wait', 'one', 'two'])
  assert.deepEqual([waited.status, waited.printed.stdout], [3, 'one  succeeded\ntwo  failed (3)\n'])
  const records = (await errand(['wait', '--json', 'two', 'one'])).printed.stdout.trim().split('\n')
  assert.deepEqual(
    records.map((line) => JSON.parse(line).id),
    ['two', 'one'],
  )
  const shown = await errand(['inspect', 'one', 'nobody', 'two'])
  assert.equal(shown.status, 66)
  assert.match(shown.printed.stdout, /^id +one\n[\s\S]*\n\nid +two\n/)

  const removed = await errand(['rm', '--json', 'one', 'nobody', 'two', 'noone'])
  assert.deepEqual([removed.status, removed.printed.stdout], [66, '{"removed":"one"}\n{"removed":"two"}\n'])
  const errors = errorsIn(removed.printed.stderr)
  assert.deepEqual(errors.map(({ code, details }) => `${code} ${details.id}`).toSorted(), [
    'not_found nobody',
    'not_found noone',
  ])
})

test('a failure under --json is JSON on stderr, with the same status', async () => {
  for (const [words, status, code] of [
    [['inspect', 'nosuch'], 66, 'not_found'],
    [['cancel', 'nosuch'], 66, 'not_found'],
    [['logs', 'nosuch'], 66, 'not_found'],
    [['wait', '--timeout', 'soon', 'x'], 65, 'validation_failed'],
    [['tasks', 'rm', 'nosuch'], 66, 'not_found'],
    [['tasks', 'show', 'nosuch'], 66, 'not_found'],
    [['instances', 'evict', 'nosuch'], 66, 'not_found'],
    [['invoke', 'nosuch'], 66, 'not_found'],
    [['node', '--host', 'unix:///none.sock'], 69, 'node_unavailable'],
    [['context', 'use', 'nosuch'], 66, 'not_found'],
    [['config', 'explain', '--cpu', '0'], 78, 'validation_failed'],
  ] as const) {
    const { printed, ...ended } = await errand([...words, '--json'])
    assert.deepEqual([ended.status, printed.stdout], [status, ''], words.join(' '))
    const [error, ...others] = errorsIn(printed.stderr)
    assert.deepEqual([error?.code, others.length], [code, 0], printed.stderr)
    assert.ok(error?.message && error.details)
    assert.match((await errand(words)).printed.stderr, /^[^{]/)
  }
})

test('executions are found by status, label and job', async () => {
  await begin('found', 'forever', '--label', 'team=vision', '--label', 'kind=a=b')
  await begin('other', 'forever', '--label', 'team=sound')
  const ids = async (...filters: readonly string[]): Promise<string> =>
    (await errand(['ps', '-q', ...filters.flatMap((each) => ['--filter', each])])).printed.stdout
  assert.equal(await ids('label=team=vision'), 'found\n')
  assert.equal(await ids('label=team=vision', 'label=kind=a=b'), 'found\n')
  assert.equal(await ids('label=team=vision', 'label=kind=c'), '')
  assert.equal(await ids('job=other'), 'other\n')
  assert.equal(await ids('status=paused'), '')
  assert.equal(await ids('status=running,paused', 'job=found'), 'found\n')
  for (const wrong of ['colour=red', 'label=team', 'status=', 'status=done', 'job']) {
    assert.equal((await errand(['ps', '--filter', wrong])).status, 65, wrong)
  }
  assert.equal((await errand(['cancel', '--grace', '0s', 'found', 'other'])).status, 0)
})

test('what is frozen is paused until it is thawed', async () => {
  await begin('cold', 'forever')
  assert.equal((await errand(['freeze', 'cold'])).printed.stdout, 'cold\n')
  assert.equal((await recordOf('cold')).status, 'paused')
  assert.equal(JSON.parse((await errand(['thaw', '--json', 'cold'])).printed.stdout).status, 'running')
  assert.equal((await errand(['freeze', 'nobody'])).status, 66)
  assert.equal((await errand(['rm', '--force', 'cold'])).status, 0)
})

test('what a command inside prints comes through byte by byte, text or not', async () => {
  const outcome = { exitCode: 4, stdout: '\ufffd\n', stderr: 'é\n', truncated: { stdout: false, stderr: false } }
  const answer = JSON.stringify({ ...outcome, stdoutBase64: Buffer.from([0xff, 0x0a]).toString('base64') })
  await using server = await PlayedServer.open(says(200, 'application/json', answer))
  const { status, printed } = await commandLine(server.url)(['exec', 'a', 'b'])
  assert.deepEqual([status, printed.stdout], [4, '\u00ff\n'])
  assert.equal(Buffer.from(printed.stderr, 'latin1').toString(), 'é\n')
})

test('logs have times where they are wanted, and begin so long ago, or at a time', async () => {
  await errand(['run', '--id', 'logged', 'hello'])
  const { printed } = await errand(['logs', '-t', 'logged'])
  assert.match(printed.stdout, /^\d{4}-\d\d-\d\dT[\d:.]+Z hello\n$/)
  assert.match(printed.stderr, /^\d{4}-\d\d-\d\dT[\d:.]+Z \u00ff\n$/)
  const some = async (...words: readonly string[]): Promise<string> =>
    (await errand(['logs', ...words, '--stream', 'stdout', 'logged'])).printed.stdout
  assert.equal(await some('--since', '10m'), 'hello\n')
  assert.equal(await some('--since', '0'), 'hello\n')
  assert.equal(await some('--since', '1'), '')
  assert.equal(await some('--since', '2100-01-01T00:00:00Z'), '')
  assert.equal((await errand(['logs', '--since', 'then', 'logged'])).status, 65)
})

test('a command inside that was not run ends as errand run would', async () => {
  const cases: [code: string, details: object, status: number][] = [
    ['command_not_found', { exitCode: 127 }, 127],
    ['command_not_found', { exitCode: 126 }, 126],
    ['validation_failed', {}, 125],
    ['not_found', {}, 125],
  ]
  for (const [code, details, expected] of cases) {
    const problem = JSON.stringify({ code, detail: 'why', details })
    await using server = await PlayedServer.open(says(400, 'application/problem+json', problem))
    const { status, printed } = await commandLine(server.url)(['exec', 'a', 'b'])
    assert.deepEqual([status, printed.stderr], [expected, 'errand: why\n'])
  }
})

test('a command inside that took too long is 124, in words or in JSON', async () => {
  const problem = JSON.stringify({ code: 'deadline_exceeded', detail: 'it took too long', details: {} })
  await using server = await PlayedServer.open(says(504, 'application/problem+json', problem))
  const words = ['exec', '--timeout', '1s', 'a', 'b']
  const told = await commandLine(server.url)(words)
  assert.deepEqual([told.status, told.printed.stderr], [124, 'errand: no end of the command within 1s: it may go on\n'])
  const json = await commandLine(server.url)(['exec', '--json', ...words.slice(1)])
  assert.deepEqual([json.status, errorsIn(json.printed.stderr)[0]?.code], [124, 'deadline_exceeded'])
})
