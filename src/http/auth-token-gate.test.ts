import assert from 'node:assert/strict'
import type { IncomingMessage } from 'node:http'
import { test } from 'node:test'
import { silentLog } from '../core/log.ts'
import { ManualClock } from '../core/manual-clock.ts'
import { digestOf, type KeptToken, newSecret } from './auth-token.ts'
import { TokenGate } from './auth-token-gate.ts'

const SECRET = newSecret()
const CI: KeptToken = { id: 'ci', sha256: digestOf(SECRET), scopes: ['read'], createdAt: 'now' }
const unauthenticated = { code: 'unauthenticated' }

/** A file of tokens that counts how often it was read. */
class CountedTokens {
  kept: readonly KeptToken[] = []
  reads = 0
  isDamaged = false

  async tokens(): Promise<readonly KeptToken[]> {
    this.reads += 1
    if (this.isDamaged) throw new Error('damaged')
    return this.kept
  }
}

function open() {
  const [clock, tokens] = [new ManualClock(), new CountedTokens()]
  const gate = new TokenGate({ tokens, clock, log: silentLog })
  const knock = async (secret = SECRET, id = 'ci'): Promise<string> => {
    const headers = { authorization: `Bearer ${id}.${secret}` }
    const { caller } = await gate.authenticate({ headers, socket: {} } as IncomingMessage)
    return caller.id
  }
  return { clock, tokens, knock }
}

test('a token that is known is taken for a quarter of a second without a look at the file', async () => {
  const { clock, tokens, knock } = open()
  tokens.kept = [CI]
  for (let time = 0; time < 50; time += 1) {
    assert.equal(await knock(), 'ci')
    await clock.advance(4)
  }
  assert.equal(tokens.reads, 1)
  await clock.advance(50)
  await knock()
  assert.equal(tokens.reads, 2)
})

test('A15: a token that was revoked opens nothing a quarter of a second later, however often it was used', async () => {
  const { clock, tokens, knock } = open()
  tokens.kept = [CI]
  await knock()
  tokens.kept = []
  await clock.advance(249)
  await knock()
  await clock.advance(1)
  await assert.rejects(knock(), unauthenticated)
})

test('a token that was made or given another secret opens at once', async () => {
  const { tokens, knock } = open()
  await assert.rejects(knock(), unauthenticated)
  tokens.kept = [CI]
  await knock()
  const secret = newSecret()
  tokens.kept = [{ ...CI, sha256: digestOf(secret) }]
  assert.equal(await knock(secret), 'ci')
  await assert.rejects(knock(), unauthenticated)
})

test('a wrong secret is refused, whatever was taken before', async () => {
  const { tokens, knock } = open()
  tokens.kept = [CI]
  await knock()
  await assert.rejects(knock(newSecret()), unauthenticated)
  await assert.rejects(knock(SECRET, 'other'), unauthenticated)
  assert.equal(await knock(), 'ci')
})

test('once the file could not be read nothing counts that it said before', async () => {
  const { tokens, knock } = open()
  tokens.kept = [CI]
  await knock()
  tokens.isDamaged = true
  await assert.rejects(knock(newSecret()), { code: 'storage_error' })
  await assert.rejects(knock(), { code: 'storage_error' })
})
