import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PlayedServer, says } from '../../client/played-server.fixture.ts'
import { neverOpen } from '../command-line.fixture.ts'
import { runCommand } from '../program.ts'
import { testTerminal } from '../test-terminal.fixture.ts'
import { ASKING_COMMANDS } from './asked-names.ts'

const JSON_TYPE = 'application/json'

/** What a shell gets for a word, at the end of a command line. */
async function complete(
  current: string,
  words: readonly string[],
  url = 'unix:///none.sock',
  within = '600000',
): Promise<string[]> {
  const terminal = testTerminal({ environment: { ERRAND_HOST: url } })
  assert.equal(await runCommand(['__complete', '--within', within, '--', current, ...words], neverOpen, terminal), 0)
  assert.equal(terminal.printed.stderr, '')
  return terminal.printed.stdout.split('\n').slice(0, -1)
}

function page(name: string, ...ids: readonly string[]): ReturnType<typeof says> {
  return says(200, JSON_TYPE, JSON.stringify({ [name]: ids.map((id) => ({ id, name: id })) }))
}

test('ids are those that a node knows and that begin so, but for those that are there already', async () => {
  await using server = await PlayedServer.open(page('executions', 'train-2', 'train-1', 'nightly'))
  assert.deepEqual(await complete('', ['logs', '-f', '--tail', '5'], server.url), ['train-2', 'train-1', 'nightly'])
  assert.deepEqual(await complete('tr', ['rm', 'train-2'], server.url), ['train-1'])
  assert.deepEqual(await complete('x', ['inspect'], server.url), [])
  assert.deepEqual(server.paths, Array(3).fill('/v1/executions?limit=200'))
})

test('only what has not ended can be ended, frozen or entered', async () => {
  for (const command of ['wait', 'cancel', 'freeze', 'thaw', 'exec', 'stats']) {
    await using server = await PlayedServer.open(page('executions', 'a'))
    assert.deepEqual(await complete('', [command], server.url), ['a'])
    assert.match(server.paths[0] ?? '', /status=.*running/)
    assert.doesNotMatch(server.paths[0] ?? '', /failed|succeeded/)
  }
})

test('tasks, instances and requests for later are asked for where they are meant', async () => {
  for (const [words, name, path] of [
    [['invoke'], 'tasks', '/v1/tasks?limit=200'],
    [['tasks', 'show', '--json'], 'tasks', '/v1/tasks?limit=200'],
    [['instances', 'evict'], 'instances', '/v1/instances'],
    [['invocations', 'response', '--raw'], 'invocations', '/v1/invocations?limit=200'],
  ] as const) {
    await using server = await PlayedServer.open(page(name, 'one'))
    assert.deepEqual(await complete('o', words, server.url), ['one'])
    assert.deepEqual(server.paths, [path])
  }
})

test('the daemon is the one that the command line names', async () => {
  await using server = await PlayedServer.open(page('executions', 'a'))
  assert.deepEqual(await complete('', ['logs', '--host', server.url]), ['a'])
  assert.deepEqual(await complete('', ['logs', `--host=${server.url}`]), ['a'])
  assert.deepEqual(await complete('', ['logs', '-H', server.url, '--stream', 'stderr']), ['a'])
})

test('nobody is asked for what no node knows', async () => {
  await using server = await PlayedServer.open(page('executions', 'a'))
  for (const words of [[], ['run'], ['logs', 'a'], ['exec', 'a', '--'], ['invoke', 'a'], ['tasks'], ['nosuch']]) {
    assert.deepEqual(await complete('', words, server.url), [], words.join(' '))
  }
  assert.deepEqual(server.paths, [])
})

test('what is no id is left out, whatever a node says', async () => {
  await using server = await PlayedServer.open(page('executions', '$(reboot)', 'a b', '-rf', '\u001b[2J', 'good'))
  assert.deepEqual(await complete('', ['logs'], server.url), ['good'])
})

test('without an answer, and without one soon, nothing is printed', async () => {
  assert.deepEqual(await complete('', ['logs']), [])
  assert.deepEqual(await complete('', ['logs', '--host', 'nonsense']), [])
  assert.deepEqual(await complete('', ['logs', '--context', 'nosuch', '--token-file']), [])
  const problem = JSON.stringify({ code: 'unauthenticated', detail: 'no', status: 401, details: {} })
  for (const answer of [says(401, 'application/problem+json', problem), says(200, JSON_TYPE, '{}')]) {
    await using server = await PlayedServer.open(answer)
    assert.deepEqual(await complete('', ['logs'], server.url), [])
  }
  await using silent = await PlayedServer.open(() => {})
  assert.deepEqual(await complete('', ['logs'], silent.url, '10'), [])
})

test('every command that asks is one', async () => {
  for (const path of ASKING_COMMANDS) {
    const terminal = testTerminal()
    const status = await runCommand([...path.split(' ').slice(1), '--help'], neverOpen, terminal)
    assert.deepEqual([status, terminal.printed.stdout.split(/ [[<]/)[0]], [0, `Usage: ${path}`])
  }
})
