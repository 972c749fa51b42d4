import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { digestOf, isCredentialOf, type KeptToken, newSecret, parseBearer } from '../../src/http/auth-token.ts'

// What a stranger can learn of a token from how long its refusal takes.

const SOURCE = join(import.meta.dirname, '../../src/http')
const ROUNDS = 4000
/** An early end of a comparison would take a hundredth of the time that the digest takes; a look-up that is left out, half of all. */
const MOST_RATIO = 1.4

const secret = newSecret()
const kept: KeptToken = { id: 'ann', sha256: digestOf(secret), scopes: ['read'], createdAt: 'now' }
const other = (at: number): string => {
  const changed = secret[at] === 'A' ? 'B' : 'A'
  return secret.slice(0, at) + changed + secret.slice(at + 1)
}

/** What each guess is like, and which token has its id. */
const GUESSES: Readonly<Record<string, readonly [string, KeptToken | undefined]>> = {
  'an id that there is not': [secret, undefined],
  'wrong from its first character': [other(0), kept],
  'wrong in its last but one character': [other(41), kept],
  'nothing like it': [newSecret(), kept],
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
}

test('A53: a refusal takes as long whatever is wrong, by the median of many', (t) => {
  const tookNs = new Map(Object.keys(GUESSES).map((what): [string, number[]] => [what, []]))
  // Each round tries all, so that what else this machine does hits all.
  for (let round = 0; round < 2 * ROUNDS; round += 1) {
    for (const [what, [guess, token]] of Object.entries(GUESSES)) {
      const credential = parseBearer(`Bearer ann.${guess}`)
      assert.ok(credential)
      const beganNs = process.hrtime.bigint()
      const isRight = isCredentialOf(credential, token)
      const endedNs = process.hrtime.bigint()
      assert.equal(isRight, false)
      // The first half only warms up.
      if (round >= ROUNDS) tookNs.get(what)?.push(Number(endedNs - beganNs))
    }
  }
  const medians = [...tookNs].map(([what, values]): [string, number] => [what, median(values)])
  t.diagnostic(medians.map(([what, ns]) => `${what}: ${ns} ns`).join('; '))
  const times = medians.map(([, ns]) => ns)
  assert.ok(Math.max(...times) < MOST_RATIO * Math.min(...times), medians.join('; '))
})

test('A53: digests of one length are compared, in constant time, and secrets nowhere', () => {
  for (const length of [0, 1, 42, 43, 44, 10_000]) {
    assert.equal(isCredentialOf({ id: 'ann', secret: 'x'.repeat(length) }, kept), false, 'it does not throw')
  }
  assert.equal(isCredentialOf({ id: 'ann', secret }, kept), true)
  const files = readdirSync(SOURCE, { recursive: true, encoding: 'utf8' })
  const sources = files.filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
  const comparing = sources.filter((file) =>
    /\b(?:secret|sha256)\b\)?\s*[!=]==|[!=]==\s*\(?(?:\w+\.)*(?:secret|sha256)\b/.test(
      readFileSync(join(SOURCE, file), 'utf8'),
    ),
  )
  assert.deepEqual(comparing, [])
  assert.match(readFileSync(join(SOURCE, 'auth-token.ts'), 'utf8'), /timingSafeEqual\(/)
})
