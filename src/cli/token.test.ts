import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { isCredentialOf, parseBearer } from '../http/auth-token.ts'
import { TokenFile } from '../http/auth-token-file.ts'
import { runCommand } from './program.ts'
import { testTerminal } from './test-terminal.fixture.ts'

const folder = await mkdtemp(join(tmpdir(), 'errand-token-cli-'))
after(() => rm(folder, { recursive: true }))

interface Ended {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

async function run(line: string, stateDir: string): Promise<Ended> {
  const terminal = testTerminal()
  const args = ['token', ...line.split(' '), '--state-dir', join(folder, stateDir)]
  const status = await runCommand(args, () => Promise.reject(new Error('no daemon is opened')), terminal)
  return { status, ...terminal.printed }
}

test('a token that was made is printed once, works, is listed without its secret, and ends', async () => {
  const created = await run('create ci --scope read operate', 'one')
  assert.deepEqual([created.status, created.stderr], [0, ''])
  const file = new TokenFile(join(folder, 'one', 'tokens.json'))
  const credential = parseBearer(`Bearer ${created.stdout.trim()}`)
  const [kept] = await file.tokens()
  assert.ok(credential !== undefined && isCredentialOf(credential, kept))
  assert.deepEqual(kept?.scopes, ['read', 'operate'])
  assert.ok(!(await readFile(file.path, 'utf8')).includes(credential.secret))
  const listed = await run('list', 'one')
  assert.match(listed.stdout, /^NAME +SCOPES +CREATED\nci {5}read,operate {3}\d{4}-.*Z\n$/)
  assert.equal((await run('revoke ci', 'one')).status, 0)
  assert.deepEqual(await file.tokens(), [])
  assert.deepEqual(await run('list --json', 'one'), { status: 0, stdout: '[]\n', stderr: '' })
})

test('a token without scopes may read and submit; JSON has it, too', async () => {
  const { stdout } = await run('create ci --json', 'two')
  const { id, scopes, token } = JSON.parse(stdout)
  assert.deepEqual([id, scopes], ['ci', ['read', 'submit']])
  assert.match(token, /^ci\.[\w-]{43}$/)
})

test('what makes no sense is refused, and nothing is kept of it', async () => {
  const cases: [string, number, RegExp][] = [
    ['create Ci', 65, /cannot be a token's name/],
    ['create local', 65, /cannot be a token's name/],
    ['create ci --scope root', 65, /"root" is no scope; there are read, submit, operate, admin/],
    ['revoke ci', 66, /there is no token "ci"/],
    ['create', 64, /name/],
    ['make ci', 64, /./],
  ]
  for (const [line, status, text] of cases) {
    const ended = await run(line, 'three')
    assert.equal(ended.status, status, line)
    assert.match(ended.stderr, text)
  }
  assert.equal((await run('create ci', 'three')).status, 0)
  assert.match((await run('create ci', 'three')).stderr, /there is a token ci already: revoke it first/)
})

test('help has examples and fits 80 columns', async () => {
  for (const command of ['create', 'list', 'revoke']) {
    const { status, stdout } = await run(`${command} --help`, 'four')
    assert.equal(status, 0)
    assert.match(stdout, /Examples:/)
    for (const line of stdout.split('\n')) assert.ok(line.length <= 80, line)
  }
})
