import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { Deadlines } from '../../core/deadlines.ts'
import { ErrandError } from '../../core/errors.ts'
import { silentLog } from '../../core/log.ts'
import { ManualClock } from '../../core/manual-clock.ts'
import type { ExecutionsApi } from '../../service/executions-api.ts'
import type { LaterApi } from '../../service/invocations/later-api.ts'
import type { NamedTasksApi } from '../../service/tasks/named-tasks.ts'
import { ByteBudget } from '../../util/byte-budget.ts'
import { OPERATOR } from '../auth.ts'
import { Outbox } from '../outbox.ts'
import { ask, fakeNode } from '../wire-kit.fixture.ts'
import { v1Handler } from './face.ts'
import { recheck } from './recheck.ts'
import { Slots } from './slots.ts'

const GONE = new ErrandError('unauthenticated', 'there is no such token')

test('whoever may go on is asked again, and whoever may not is told once', async () => {
  const clock = new ManualClock()
  let looks = 0
  const refused: ErrandError[] = []
  using _check = recheck(
    new Deadlines(clock),
    async () => {
      looks += 1
      if (looks === 3) throw GONE
    },
    (reason) => refused.push(reason),
  )
  await clock.advance(14_999)
  assert.equal(looks, 0)
  for (let i = 0; i < 5; i += 1) await clock.advance(15_000)
  assert.deepEqual([looks, refused], [3, [GONE]])
})

test('what is over is not looked at any more', async () => {
  const clock = new ManualClock()
  let looks = 0
  const count = async (): Promise<void> => {
    looks += 1
  }
  const check = recheck(new Deadlines(clock), count, assert.fail)
  check[Symbol.dispose]()
  await clock.advance(60_000)
  assert.equal(looks, 0)
})

test('a stream of a caller whose token was revoked is cut off', async () => {
  const clock = new ManualClock()
  let isRevoked = false
  const handler = v1Handler({
    executions: { onEvent: () => ({ [Symbol.dispose]() {} }) } as unknown as ExecutionsApi,
    node: fakeNode(),
    tasks: {} as NamedTasksApi,
    later: {} as LaterApi,
    maxLaterBytes: 1024,
    nodeName: 'test',
    version: '0.0.0',
    clock,
    streams: new Slots(2, 'streams'),
    waits: new Slots(2, 'waits'),
    authenticate: async () => {
      if (isRevoked) throw GONE
      return OPERATOR
    },
    isTcp: true,
    allowedHosts: [],
    bodies: new ByteBudget(1024),
    outbox: new Outbox(clock, silentLog, new ByteBudget(1024)),
    log: silentLog,
    accessLog: false,
  })
  const server = createServer(handler).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const begun = once(server, 'request')
  const stream = ask(port, { method: 'GET', path: '/v1/events' })
  const outcome = stream.then(
    () => 'ended',
    (error: NodeJS.ErrnoException) => error.code,
  )
  const [, response] = await begun
  while (!response.headersSent) await new Promise(setImmediate)
  isRevoked = true
  await clock.advance(15_000)
  assert.equal(await outcome, 'ECONNRESET')
  server.close()
})
