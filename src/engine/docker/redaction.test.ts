import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ErrandError } from '../../core/errors.ts'
import type { RegistryCredentials } from '../engine.ts'
import { withoutCredentials } from './redaction.ts'
import { registryAuth } from './registry-auth.ts'

const CREDENTIALS: RegistryCredentials = {
  registry: 'r.example',
  kind: 'password',
  username: 'me',
  secret: 'p&ss word',
}

test('F71: a refusal that repeats the credentials, however they travelled, is told without them', () => {
  const login = Buffer.from('me:p&ss word').toString('base64')
  for (const spelling of ['p&ss word', 'p%26ss%20word', login, login.replace(/=+$/, ''), registryAuth(CREDENTIALS)]) {
    const cause = new Error(spelling)
    const options = { details: { status: 500 }, retryAfterMs: 7, cause }
    const error = withoutCredentials(
      new ErrandError('image_auth', `denied: ${spelling}, ${spelling}!`, options),
      CREDENTIALS,
    )
    assert.match(error.message, /^denied: \[redacted\](=*), \[redacted\](=*)!$/)
    assert.deepEqual([error.code, error.details, error.retryAfterMs], ['image_auth', { status: 500 }, 7])
    assert.equal(error.cause, undefined)
  }
})

test('any other failure stays as it is', () => {
  const error = new ErrandError('image_not_found', 'no such image')
  assert.equal(withoutCredentials(error, CREDENTIALS), error)
  assert.equal(withoutCredentials(error, undefined), error)
  assert.equal(withoutCredentials(error, { ...CREDENTIALS, secret: '' }), error)
})
