import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ErrandError } from '../core/errors.ts'
import { silentLog } from '../core/log.ts'
import { ManualClock, settle } from '../core/manual-clock.ts'
import { parseWebhookRule, WebhookPolicy } from './webhook-policy.ts'
import { type WebhookDelivery, type WebhookOutcome, Webhooks } from './webhooks.ts'

const HOUR_MS = 3_600_000

interface Post {
  readonly host: string
  readonly id: string
  readonly body: string
  answer(status: number | ErrandError): void
}

/** Webhooks whose receivers answer when a test says so. */
class World implements AsyncDisposable {
  readonly clock = new ManualClock()
  readonly posts: Post[] = []
  readonly outcomes: [string, WebhookOutcome][] = []
  readonly webhooks: Webhooks
  forgotten = new Set<string>()

  constructor(...rules: readonly string[]) {
    const policy = new WebhookPolicy(rules.map((text) => parseWebhookRule(text) ?? assert.fail(text)))
    const { clock } = this
    const secret = Buffer.from('secret')
    const sender = {
      post: (url: URL, headers: Readonly<Record<string, string>>, body: string, signal: AbortSignal) => {
        const { promise, resolve, reject } = Promise.withResolvers<number>()
        if (signal.aborted) reject(signal.reason)
        signal.addEventListener('abort', () => reject(signal.reason))
        const answer = (status: number | ErrandError): void =>
          status instanceof ErrandError ? reject(status) : resolve(status)
        this.posts.push({ host: url.host, id: headers['webhook-id'] ?? '', body, answer })
        return promise
      },
    }
    const giveUpAfterMs = 24 * HOUR_MS
    this.webhooks = new Webhooks({ policy, sender, secret, clock, log: silentLog, giveUpAfterMs, random: () => 1 })
  }

  add(id: string, host = 'a.example', more: Partial<WebhookDelivery> = {}): void {
    this.webhooks.add({
      id,
      callerId: 'ada',
      url: `https://${host}/`,
      sinceMs: 0,
      load: async () => (this.forgotten.has(id) ? undefined : { id }),
      settle: async (outcome) => void this.outcomes.push([id, outcome]),
      ...more,
    })
  }

  /** What was sent since the last look, answered with `status`. */
  async answerAll(status: number | ErrandError): Promise<string[]> {
    await settle()
    const posts = this.posts.splice(0)
    for (const post of posts) post.answer(status)
    await settle()
    return posts.map(({ id }) => id)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.webhooks[Symbol.asyncDispose]()
  }
}

describe('a webhook', () => {
  test('is sent until its receiver has taken it, always as the same, and then never again', async () => {
    await using world = new World('a.example')
    world.add('one')
    assert.deepEqual(await world.answerAll(500), ['one'])
    assert.deepEqual(await world.answerAll(204), [], 'not at once')
    await world.clock.advance(1000)
    assert.deepEqual(await world.answerAll(302), ['one'])
    await world.clock.advance(1999)
    assert.equal(world.posts.length, 0)
    await world.clock.advance(1)
    assert.deepEqual(await world.answerAll(new ErrandError('network_unavailable', 'away')), ['one'])
    await world.clock.advance(4000)
    assert.deepEqual(await world.answerAll(201), ['one'])
    assert.deepEqual(world.outcomes, [['one', { deliveredMs: 7000 }]])
    await world.clock.advance(HOUR_MS)
    assert.equal(world.posts.length, 0)
    await world.webhooks.settled('one')
  })

  test('is given up after a time, with the reason of the last try', async () => {
    await using world = new World('a.example')
    world.add('one')
    let tries = 0
    while (world.outcomes.length === 0) {
      tries += (await world.answerAll(503)).length
      await world.clock.advance(HOUR_MS)
    }
    assert.ok(tries > 20 && tries < 50, `${tries} tries`)
    const [[, outcome] = []] = world.outcomes
    assert.ok(outcome !== undefined && 'reason' in outcome)
    assert.equal(outcome.reason, 'the receiver answered 503')
    assert.ok(outcome.failedMs <= 24 * HOUR_MS)
    assert.equal(world.clock.pendingTimers, 0)
  })

  test('that is old already when it is handed in is tried once', async () => {
    await using world = new World('a.example')
    await world.clock.advance(25 * HOUR_MS)
    world.add('one')
    await world.answerAll(503)
    assert.equal(world.outcomes.length, 1)
  })

  test('is given up at once by a receiver that is gone, and by an operator that does not allow it any more', async () => {
    await using world = new World('a.example')
    world.add('one')
    await world.answerAll(410)
    world.add('two', 'b.example')
    await settle()
    const reasons = world.outcomes.map(([, outcome]) => ('reason' in outcome ? outcome.reason : ''))
    assert.equal(reasons.length, 2)
    assert.match(reasons.join(), /answered 410,.*sends nothing to b\.example/)
    assert.equal(world.posts.length, 0)
  })

  test('whose record was forgotten is not sent any more', async () => {
    await using world = new World('a.example')
    world.add('one')
    await world.answerAll(500)
    world.forgotten.add('one')
    await world.clock.advance(HOUR_MS)
    assert.deepEqual([world.posts.length, world.outcomes.length, world.clock.pendingTimers], [0, 0, 0])
  })

  test('that is handed in twice is sent once', async () => {
    await using world = new World('a.example')
    world.add('one')
    world.add('one')
    assert.deepEqual(await world.answerAll(204), ['one'])
    assert.equal(world.outcomes.length, 1)
  })

  test('whose outcome cannot be kept is not sent again by this process', async () => {
    await using world = new World('a.example')
    world.add('one', undefined, { settle: () => Promise.reject(new ErrandError('storage_full', 'full')) })
    assert.deepEqual(await world.answerAll(204), ['one'])
    await world.clock.advance(HOUR_MS)
    assert.equal(world.posts.length, 0)
  })
})

describe('a receiver that is slow', () => {
  test('has four at a time, and keeps no other receiver waiting', async () => {
    await using world = new World('*.example')
    for (let index = 0; index < 100; index += 1) world.add(`slow-${index}`, 'slow.example')
    world.add('quick', 'quick.example')
    await settle()
    assert.equal(world.posts.filter(({ host }) => host === 'slow.example').length, 4)
    world.posts.find(({ id }) => id === 'quick')?.answer(204)
    await settle()
    assert.deepEqual(world.outcomes, [['quick', { deliveredMs: 0 }]])
    world.posts[0]?.answer(204)
    await settle()
    assert.equal(world.posts.length, 6, 'the next one takes its place')
  })

  test('is one of many: thirty-two of one caller are asked at once, and sixty-four in all', async () => {
    await using world = new World('*.example')
    for (const callerId of ['ada', 'eve', 'mia']) {
      for (let index = 0; index < 50; index += 1) world.add(`${callerId} ${index}`, `h${index}.example`, { callerId })
    }
    await settle()
    const callers = Object.groupBy(world.posts, ({ id }) => id.slice(0, 3))
    assert.deepEqual([callers.ada?.length, callers.eve?.length, callers.mia], [32, 32, undefined])
    world.posts[0]?.answer(204)
    await settle()
    assert.equal(world.posts.at(-1)?.id, 'mia 0', 'who has the fewest is next')
  })

  test('of a caller with many such receivers keeps no other caller waiting', async () => {
    await using world = new World('*.example')
    for (let index = 0; index < 200; index += 1) world.add(`dead ${index}`, `dead-${index % 40}.example`)
    world.add('other', 'quick.example', { callerId: 'eve' })
    await settle()
    assert.equal(world.posts.at(-1)?.id, 'other')
  })

  test('is asked for others while a caller has its share elsewhere', async () => {
    await using world = new World('*.example')
    for (let index = 0; index < 32; index += 1) world.add(`slow ${index}`, `slow-${index % 8}.example`)
    for (let index = 0; index < 4; index += 1) world.add(`more ${index}`, 'h.example')
    await settle()
    world.add('other', 'h.example', { callerId: 'eve' })
    await settle()
    assert.deepEqual([world.posts.length, world.posts.at(-1)?.id], [33, 'other'])
    world.posts[0]?.answer(204)
    await settle()
    assert.equal(world.posts.at(-1)?.id, 'more 0')
  })

  test('lets its callers take turns', async () => {
    await using world = new World('*.example')
    for (let index = 0; index < 8; index += 1) world.add(`ada ${index}`)
    world.add('eve', undefined, { callerId: 'eve' })
    await settle()
    world.posts[0]?.answer(204)
    await settle()
    assert.equal(world.posts.at(-1)?.id, 'eve')
  })
})

test('a stop leaves outstanding what is, and lets nobody wait for it', async () => {
  const world = new World('a.example')
  world.add('sent')
  await settle()
  world.add('waits')
  const told = world.webhooks.settled('sent')
  const failed = assert.rejects(told, (error) => error instanceof ErrandError && error.code === 'draining')
  await world[Symbol.asyncDispose]()
  await failed
  assert.deepEqual([world.outcomes, world.clock.pendingTimers], [[], 0])
  world.add('late')
  assert.equal(world.posts.filter(({ id }) => id === 'late').length, 0)
})
