import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ask, RawConnection } from '../../src/http/wire-kit.fixture.ts'
import type { MecaAnswer } from '../support/daemon.ts'
import { FakeServe, serveTask } from '../support/fake-serve.ts'
import { scale } from '../support/scale.ts'

// More requests than there can be answers for. `stuck` is a task that starts and never becomes ready.

const options = { timeout: 240_000 }

function bodyFor(id: string, input: string): string {
  return JSON.stringify({ id, input, resource: { cpu: 0.1, mem: 6 } })
}

/** One request on a connection of its own, from one of four addresses; answered or not, it is closed at the end. */
class Asking implements Disposable {
  readonly answered: Promise<MecaAnswer>
  readonly #connection: RawConnection

  constructor(port: number, index: number, body: string) {
    this.#connection = new RawConnection(port, `127.0.0.${2 + (index % 4)}`)
    const length = Buffer.byteLength(body)
    this.#connection.write(
      'POST / HTTP/1.1',
      'Host: localhost',
      `Content-Length: ${length}`,
      'Connection: close',
      '',
      body,
    )
    this.answered = this.#connection.untilClosed().then((text) => JSON.parse(text.slice(text.indexOf('\r\n\r\n') + 4)))
    // Those that are still waiting at the end are never answered.
    this.answered.catch(() => {})
  }

  [Symbol.dispose](): void {
    this.#connection[Symbol.dispose]()
  }
}

/** Lets all of them go when it is disposed. */
function leaving(flood: readonly Asking[]): Disposable {
  const left = new DisposableStack()
  for (const each of flood) left.use(each)
  return left
}

/** The answers to a flood, as soon as all are there but for `waiting`. */
async function refusals(flood: readonly Asking[], waiting: number): Promise<MecaAnswer[]> {
  const answers: MecaAnswer[] = []
  const enough = Promise.withResolvers<void>()
  for (const { answered } of flood) {
    void answered.then(
      (answer) => {
        answers.push(answer)
        if (answers.length === flood.length - waiting) enough.resolve()
      },
      () => {},
    )
  }
  await enough.promise
  return answers
}

test(
  'P14: a flood for a stuck task fills the queue to its bound, the rest is refused, and others are served',
  options,
  async (t) => {
    await using task = await serveTask((_request, response) => response.end('hello'))
    const queueLimit = 300
    const settings = [`tasks.queueLimit=${queueLimit}`]
    await using daemon = await FakeServe.open({ tasks: { hello: task.port, stuck: null }, settings })
    const count = scale(1500, 3500)
    const startedMs = performance.now()
    const flood = Array.from(
      { length: count },
      (_, index) => new Asking(daemon.port, index, bodyFor('stuck', `${index}`)),
    )
    using _left = leaving(flood)
    const refused = await refusals(flood, queueLimit)
    const tookMs = Math.round(performance.now() - startedMs)
    for (const { success, code, retryAfterMs = 0, details } of refused) {
      assert.deepEqual([success, code, details], [false, 'queue_full', { waiting: queueLimit }])
      assert.ok(retryAfterMs >= 100 && retryAfterMs <= 60_000, String(retryAfterMs))
    }
    t.diagnostic(`${refused.length} of ${count} refused within ${tookMs} ms; ${await daemon.describe()}`)

    // Cold: it needs a place in the queue. Then warm: it needs none.
    for (let time = 0; time < 20; time += 1) {
      const { text } = await ask(daemon.port, { body: bodyFor('hello', 'x') })
      assert.deepEqual(JSON.parse(text), { success: true, msg: 'hello' })
    }
    await daemon.assertBounded()
  },
)

test('P14: requests of a MiB that wait for a stuck task hold bounded memory', options, async (t) => {
  await using task = await serveTask((_request, response) => response.end('hello'))
  await using daemon = await FakeServe.open({ tasks: { hello: task.port, stuck: null } })
  const input = 'x'.repeat(1_000_000)
  const body = bodyFor('stuck', input)
  const count = scale(200, 500)
  const flood = Array.from({ length: count }, (_, index) => new Asking(daemon.port, index, body))
  using left = leaving(flood)
  const fitting = Math.floor((32 * 1024 * 1024) / body.length)
  const refused = await refusals(flood, fitting)
  assert.ok(refused.every(({ code, retryAfterMs }) => code === 'queue_full' && retryAfterMs === 1000))
  t.diagnostic(`${refused.length} of ${count} requests of 1 MB refused; ${await daemon.describe()}`)
  await daemon.assertBounded()

  left[Symbol.dispose]()
  // Their memory is free as soon as the daemon has heard that they left.
  for (let answer: MecaAnswer | undefined; answer?.success !== true; ) {
    answer = JSON.parse((await ask(daemon.port, { body: bodyFor('hello', input) })).text)
  }
})

test('P14: the advice in a refusal follows how fast the queue really moves', options, async (t) => {
  const adviceOf = async (answerMs: number): Promise<number> => {
    await using task = await serveTask((_request, response) => void setTimeout(() => response.end(), answerMs))
    const settings = ['tasks.queueLimit=10', 'tasks.concurrency=1', 'cpu=0.1', 'resources.cpuOvercommit=1']
    await using daemon = await FakeServe.open({ tasks: { slow: task.port }, settings })
    const advices: number[] = []
    let served = 0
    const caller = async (): Promise<void> => {
      while (served < 30) {
        const {
          success,
          code,
          retryAfterMs = 0,
        } = JSON.parse((await ask(daemon.port, { body: bodyFor('slow', '') })).text)
        if (success) served += 1
        else if (code === 'queue_full') advices.push(retryAfterMs)
        if (!success) await new Promise((resolve) => setTimeout(resolve, 20))
      }
    }
    await Promise.all(Array.from({ length: 14 }, caller))
    return advices.at(-1) ?? 0
  }
  const [quick, slow] = [await adviceOf(20), await adviceOf(200)]
  t.diagnostic(`ten places at 20 ms each: come back in ${quick} ms; at 200 ms each: ${slow} ms`)
  assert.ok(quick >= 100 && slow > quick, 'a queue that moves ten times slower asks for more patience')
  assert.ok(slow >= 1000 && slow <= 20_000, `${slow} ms for about ten times 200`)
})

test('F67: a task that is stuck in its start keeps no other task from starting', options, async () => {
  await using task = await serveTask((_request, response) => response.end('hello'))
  const others = Array.from({ length: 10 }, (_, index) => `other${index}`)
  const tasks = Object.fromEntries(others.map((name) => [name, task.port]))
  await using daemon = await FakeServe.open({ tasks: { ...tasks, stuck: null } })
  const stuck = Array.from({ length: 20 }, (_, index) => new Asking(daemon.port, index, bodyFor('stuck', '')))
  using _left = leaving(stuck)
  const answers = await Promise.all(others.map((name) => ask(daemon.port, { body: bodyFor(name, '') })))
  for (const { text } of answers) assert.equal(JSON.parse(text).msg, 'hello')
})
