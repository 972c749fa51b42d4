import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { test } from 'node:test'
import { silentLog } from '../../core/log.ts'
import { ManualClock } from '../../core/manual-clock.ts'
import type { ExecutionsApi } from '../../service/executions-api.ts'
import type { LaterApi } from '../../service/invocations/later-api.ts'
import type { NamedTasksApi } from '../../service/tasks/named-tasks.ts'
import { ByteBudget } from '../../util/byte-budget.ts'
import { OPERATOR } from '../auth.ts'
import { Outbox } from '../outbox.ts'
import { fakeNode, RawConnection } from '../wire-kit.fixture.ts'
import { v1Handler } from './face.ts'
import { Slots } from './slots.ts'

interface Uploads extends AsyncDisposable {
  readonly port: number
  readonly clock: ManualClock
  /** Resolves when somebody reads a body. */
  readonly reading: Promise<void>
}

/** A face whose uploads are read, and nothing else. */
async function openUploads(): Promise<Uploads> {
  const clock = new ManualClock()
  const reading = Promise.withResolvers<void>()
  const read = async (pieces: AsyncIterable<Uint8Array>): Promise<never> => {
    reading.resolve()
    throw new Error(`all ${(await buffer(pieces)).length} bytes came`)
  }
  const handler = v1Handler({
    executions: {
      getInfo: async () => ({ callerId: OPERATOR.caller.id }),
      putInputs: (_id: string, tar: AsyncIterable<Uint8Array>) => read(tar),
    } as unknown as ExecutionsApi,
    node: fakeNode(),
    tasks: {} as NamedTasksApi,
    later: { accept: (_asked: unknown, body: AsyncIterable<Uint8Array>) => read(body) } as unknown as LaterApi,
    maxLaterBytes: 10,
    nodeName: 'test',
    version: '0.0.0',
    clock,
    streams: new Slots(2, 'streams'),
    waits: new Slots(2, 'waits'),
    authenticate: async () => OPERATOR,
    isTcp: true,
    allowedHosts: [],
    bodies: new ByteBudget(1024),
    outbox: new Outbox(clock, silentLog, new ByteBudget(1024)),
    log: silentLog,
    accessLog: false,
  })
  const server = createServer(handler).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    clock,
    reading: reading.promise,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

const UPLOADS = {
  inputs: ['PUT /v1/executions/x/inputs HTTP/1.1'],
  'a request for later': ['POST /v1/tasks/it/invoke HTTP/1.1', 'Prefer: respond-async'],
}

for (const [what, head] of Object.entries(UPLOADS)) {
  test(`whoever stops in the middle of ${what} is told that nothing more came`, async () => {
    await using face = await openUploads()
    using connection = new RawConnection(face.port)
    connection.write(...head, 'Host: localhost', 'Content-Length: 5', '', 'ab')
    await face.reading
    await face.clock.advance(60_000)
    await face.clock.advance(60_000)
    assert.match(await connection.until('nothing more of the upload came'), /^HTTP\/1\.1 504 /)
  })
}

test('a request for later that is too large is refused as other bodies are, whether it says so or not', async () => {
  for (const length of ['Content-Length: 11', 'Transfer-Encoding: chunked']) {
    await using face = await openUploads()
    using connection = new RawConnection(face.port)
    const body = length.startsWith('Content') ? '' : 'b\r\n01234567890\r\n'
    connection.write(...UPLOADS['a request for later'], 'Host: localhost', length, '', body)
    const answer = await connection.until('"limitBytes":10')
    assert.match(answer, /^HTTP\/1\.1 413 .*"code":"validation_failed"/s)
  }
})
