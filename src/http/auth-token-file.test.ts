import assert from 'node:assert/strict'
import { chmod, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { digestOf, isCredentialOf, type KeptToken, newSecret, parseBearer } from './auth-token.ts'
import { TokenFile } from './auth-token-file.ts'

const folder = await mkdtemp(join(tmpdir(), 'errand-tokens-'))
after(() => rm(folder, { recursive: true }))

const kept = (id: string): KeptToken => ({ id, sha256: digestOf(id), scopes: ['read'], createdAt: 'now' })
const refused = { code: 'storage_error' }

test('what one writes the other reads, in a file for its owner alone; none is no tokens', async () => {
  const path = join(folder, 'made', 'tokens.json')
  const reader = new TokenFile(path)
  assert.deepEqual(await reader.tokens(), [])
  await new TokenFile(path).change(() => [kept('a')])
  assert.deepEqual(await reader.tokens(), [kept('a')])
  assert.equal((await stat(path)).mode & 0o777, 0o600)
  await new TokenFile(path).change((tokens) => [...tokens, kept('b')])
  assert.deepEqual(await reader.tokens(), [kept('a'), kept('b')])
  await rm(path)
  assert.deepEqual(await reader.tokens(), [])
})

test('a change that is refused changes nothing, and does not stand in the way', async () => {
  const file = new TokenFile(join(folder, 'same.json'))
  await file.change(() => [kept('a')])
  const reason = new Error('no')
  await assert.rejects(
    file.change(() => {
      throw reason
    }),
    refused,
  )
  await file.change((tokens) => [...tokens, kept('b')])
  assert.deepEqual(await file.tokens(), [kept('a'), kept('b')])
})

test('of two changes at once one is refused: neither undoes the other', async () => {
  const file = new TokenFile(join(folder, 'two.json'))
  const outcomes = await Promise.allSettled(['a', 'b', 'c'].map((id) => file.change((tokens) => [...tokens, kept(id)])))
  const done = outcomes.filter(({ status }) => status === 'fulfilled').length
  assert.equal((await file.tokens()).length, done)
  assert.ok(done >= 1)
})

test('a file that others can read or write, or that is damaged, opens nothing', async () => {
  const path = join(folder, 'broken.json')
  const file = new TokenFile(path)
  await file.change(() => [kept('a')])
  for (const mode of [0o640, 0o604, 0o620]) {
    await chmod(path, mode)
    await assert.rejects(file.tokens(), refused)
  }
  const whole = await readFile(path, 'utf8')
  const texts = ['', '{}', whole.slice(1), whole.replace('"read"', '"root"'), whole.replace('"a"', '"local"')]
  for (const text of texts) {
    await rm(path)
    await writeFile(path, text, { mode: 0o600 })
    await assert.rejects(file.tokens(), refused, text)
  }
  await rm(path)
  await writeFile(join(folder, 'elsewhere.json'), whole, { mode: 0o600 })
  await symlink('elsewhere.json', path)
  await assert.rejects(file.tokens(), refused)
})

test('a credential is that of its token alone, and a secret is never kept', () => {
  const secret = newSecret()
  assert.notEqual(secret, newSecret())
  const credential = parseBearer(`Bearer ci.${secret}`)
  assert.deepEqual(credential, { id: 'ci', secret })
  const token = { ...kept('ci'), sha256: digestOf(secret) }
  assert.ok(!JSON.stringify(token).includes(secret))
  assert.ok(credential !== undefined && isCredentialOf(credential, token))
  assert.ok(!isCredentialOf(credential, undefined))
  assert.ok(!isCredentialOf({ ...credential, secret: newSecret() }, token))
  for (const header of [
    undefined,
    '',
    `ci.${secret}`,
    `Bearer ${secret}`,
    `Bearer CI.${secret}`,
    `Bearer ci.${secret}=`,
  ]) {
    assert.equal(parseBearer(header), undefined, header)
  }
})
