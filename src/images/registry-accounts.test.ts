import assert from 'node:assert/strict'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { RecordingLog } from '../../test/support/recording-log.ts'
import type { RegistryCredentials } from '../engine/engine.ts'
import { RegistryAccounts } from './registry-accounts.ts'

const never = new AbortController().signal
const CANARY = 'canary-7f3a'

function base64(text: string): string {
  return Buffer.from(text).toString('base64')
}

describe('the accounts of a Docker config file', () => {
  const log = new RecordingLog()
  const path = process.env.PATH
  let folder = ''

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'errand-accounts-'))
    process.env.PATH = `${folder}${delimiter}${path}`
  })

  after(async () => {
    process.env.PATH = path
    await rm(folder, { recursive: true })
    assert.ok(!JSON.stringify(log.lines).includes(CANARY), 'no secret is in the log')
  })

  async function find(config: unknown, registry: string): Promise<RegistryCredentials | undefined> {
    const file = join(folder, 'config.json')
    await writeFile(file, typeof config === 'string' ? config : JSON.stringify(config))
    return new RegistryAccounts({ path: file, log, helperTimeoutMs: 300 }).find(registry, never)
  }

  /** A helper in POSIX sh. */
  async function addHelper(name: string, script: string): Promise<string> {
    const file = join(folder, `docker-credential-${name}`)
    await writeFile(file, `#!/bin/sh\n${script}\n`)
    await chmod(file, 0o755)
    return name
  }

  const password = (registry: string, username = 'ann', secret = CANARY): RegistryCredentials => ({
    registry,
    kind: 'password',
    username,
    secret,
  })

  test('are found by the registry alone, host and port', async () => {
    const config = { auths: { 'r.example:5000': { auth: base64(`ann:${CANARY}`) } } }
    assert.deepEqual(await find(config, 'r.example:5000'), password('r.example:5000'))
    for (const other of ['r.example', 'r.example:5001', 'evil.r.example:5000', 'example:5000', 'docker.io']) {
      assert.equal(await find(config, other), undefined, other)
    }
  })

  test('are found under the ways in which docker login writes a registry', async () => {
    for (const key of ['https://R.example/v1/', 'http://r.example/v2/', 'r.example']) {
      assert.deepEqual(
        await find({ auths: { [key]: { auth: base64(`ann:${CANARY}`) } } }, 'r.example'),
        password('r.example'),
      )
    }
    const hub = { auths: { 'https://index.docker.io/v1/': { auth: base64(`ann:a:b${CANARY}`) } } }
    assert.deepEqual(await find(hub, 'docker.io'), password('docker.io', 'ann', `a:b${CANARY}`))
  })

  test('can be plain fields, or an identity token', async () => {
    const plain = { auths: { 'r.example': { username: 'ann', password: CANARY } } }
    assert.deepEqual(await find(plain, 'r.example'), password('r.example'))
    const token = { auths: { 'r.example': { auth: base64('ann:'), identitytoken: CANARY } } }
    const expected = { registry: 'r.example', kind: 'identityToken', username: 'ann', secret: CANARY }
    assert.deepEqual(await find(token, 'r.example'), expected)
  })

  test('are none without a file, or with one that is no such file, which is warned of', async () => {
    const nowhere = new RegistryAccounts({ path: join(folder, 'nowhere.json'), log })
    assert.equal(await nowhere.find('r.example', never), undefined)
    for (const text of [`{"auths": {"r.example": "${CANARY}"}}`, CANARY, '', '[]']) {
      const before = log.lines.length
      assert.equal(await find(text, 'r.example'), undefined)
      assert.equal(log.lines.length, before + 1)
    }
    assert.equal(await find({ auths: { 'r.example': {} } }, 'r.example'), undefined)
  })

  test('come from the helper of the registry, or else of all, which is told the registry alone', async () => {
    const script = `read -r server; printf '{"ServerURL":"%s","Username":"%s","Secret":"${CANARY}"}' "$server" "$1 $server"`
    const config = {
      credHelpers: { 'r.example': await addHelper('one', script) },
      credsStore: await addHelper('all', script.replace('$1 ', 'all $1 ')),
      auths: { 'https://index.docker.io/v1/': {} },
    }
    assert.deepEqual(await find(config, 'r.example'), password('r.example', 'get r.example'))
    assert.deepEqual(await find(config, 'other.example:1'), password('other.example:1', 'all get other.example:1'))
    assert.deepEqual(await find(config, 'docker.io'), password('docker.io', 'all get https://index.docker.io/v1/'))
  })

  test('of a helper can be a token', async () => {
    const store = await addHelper('token', `cat >/dev/null; printf '{"Username":"<token>","Secret":"${CANARY}"}'`)
    assert.equal((await find({ credsStore: store }, 'r.example'))?.kind, 'identityToken')
  })

  test('are those of the file where the helper knows none, without a warning', async () => {
    const store = await addHelper('empty', 'echo credentials not found in native keychain; exit 1')
    const before = log.lines.length
    const auths = { 'r.example': { auth: base64(`ann:${CANARY}`) } }
    assert.deepEqual(await find({ credsStore: store, auths }, 'r.example'), password('r.example'))
    assert.equal(log.lines.length, before)
  })

  for (const [what, script, reason] of [
    ['fails', `echo ${CANARY}; echo ${CANARY} >&2; exit 3`, 'it ended with 3'],
    ['talks nonsense', `echo ${CANARY}`, 'it did not answer as helpers do'],
    ['hangs', 'exec sleep 60', 'it did not answer within 300 ms'],
  ] as const) {
    test(`are none when the helper ${what}, and the log says why and no more`, async () => {
      const store = await addHelper('bad', script)
      assert.equal(await find({ credsStore: store }, 'r.example'), undefined)
      assert.ok(log.lines.at(-1)?.message.includes(reason), log.lines.at(-1)?.message)
    })
  }

  test('are none when there is no such helper, and a name that is a path is not run', async () => {
    for (const store of ['missing', '../../bin/sh', 'x y', '']) {
      assert.equal(await find({ credsStore: store }, 'r.example'), undefined)
    }
  })
})
