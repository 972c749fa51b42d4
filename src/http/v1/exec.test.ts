import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { FakeScript } from '../../engine/fake/fake-engine.ts'
import type { Answer } from '../wire-kit.fixture.ts'
import { openV1Node, problemIn, viewOf } from './v1-node.fixture.ts'

const MIB = 2 ** 20
const SHELL: FakeScript = {
  exec: async ({ argv, print, process }) => {
    if (argv[0] === 'flood') for (let piece = 0; piece < 48; piece += 1) print('x'.repeat(64 * 1024))
    if (argv[0] === 'hang') await process.sleep(3_600_000)
    return { exitCode: 7, stderr: argv.join(' ') }
  },
}
const node = await openV1Node({ shell: SHELL })
after(() => node[Symbol.asyncDispose]())
const token = await node.token('me', 'read', 'submit')

async function runs(id: string, more: object = {}): Promise<void> {
  const answer = await node.call(token, 'POST /v1/executions', { id, task: { image: 'shell', ...more } })
  assert.equal(answer.status, 201, answer.text)
  for (let status = 'accepted'; status !== 'running'; ) {
    status = viewOf(await node.call(token, `GET /v1/executions/${id}`)).status
    assert.ok(['accepted', 'queued', 'pulling', 'creating', 'running'].includes(status), status)
  }
}

function exec(id: string, body: object): Promise<Answer> {
  return node.call(token, `POST /v1/executions/${id}/exec`, body)
}

test('a command gives its exit code and the beginning of what it prints, however much that is', async () => {
  await runs('loud')
  const { exitCode, stdout, stderr, truncated } = JSON.parse((await exec('loud', { argv: ['flood'] })).text)
  assert.deepEqual([exitCode, stdout.length, stderr], [7, MIB, 'flood'])
  assert.deepEqual(truncated, { stdout: true, stderr: false })
  const said = { argv: ['say'], env: { A: 'b' }, workingDir: '/tmp', user: 'root' }
  assert.equal((await exec('loud', said)).status, 200)
})

test('a command that takes longer than it may is given up', async () => {
  await runs('slow')
  const answer = await exec('slow', { argv: ['hang'], timeoutMs: 50 })
  assert.deepEqual([answer.status, problemIn(answer).code], [504, 'deadline_exceeded'])
})

test('under the profile strict no command becomes root', async () => {
  await runs('tight', { profile: 'strict' })
  for (const user of ['root', '0', '0:0', '1000:0', 'nobody', '00']) {
    assert.equal(problemIn(await exec('tight', { argv: ['x'], user })).code, 'forbidden', user)
  }
  assert.equal((await exec('tight', { argv: ['x'], user: '1000:1000' })).status, 200)
})

test('a command that makes no sense is refused', async () => {
  await runs('plain')
  const bad = [{ argv: [''] }, { argv: ['a\0'] }, { argv: ['x'], user: 'a b' }, { argv: ['x'], env: { 'A=B': 'c' } }]
  for (const body of [...bad, { argv: ['x'], workingDir: 'here' }, { argv: ['x'], privileged: true }]) {
    assert.equal(problemIn(await exec('plain', body)).code, 'validation_failed', JSON.stringify(body))
  }
})

test('a command in a frozen execution is refused in our words', async () => {
  await runs('cold')
  assert.equal((await node.call(token, 'POST /v1/executions/cold/pause')).status, 200)
  const refused = await exec('cold', { argv: ['say'] })
  const { code, detail } = problemIn(refused)
  assert.deepEqual([code, detail], ['not_ready', 'execution cold is frozen: let it go on first'])
  assert.equal((await node.call(token, 'POST /v1/executions/cold/resume')).status, 200)
  assert.equal((await exec('cold', { argv: ['say'] })).status, 200)
})
