import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ErrandError } from '../core/errors.ts'
import { ExchangeBench, POST } from './exchange-bench.fixture.ts'
import { ok } from './raw-server.fixture.ts'

const PARTS = [
  'HTTP/1.1 200 OK\r\n',
  'HTTP/1.0 200 OK\r\n',
  'HTTP/1.1 103 Early Hints\r\n\r\n',
  'HTTP/1.1 099 Odd\r\n',
  'HTTP/1.1 204 No Content\r\n',
  'content-length: 5\r\n',
  'content-length: 0\r\n',
  'transfer-encoding: chunked\r\n',
  'connection: close\r\n',
  'connection: keep-alive\r\nkeep-alive: timeout=1\r\n',
  'connection: upgrade\r\nupgrade: x\r\n',
  'x: y\r\n',
  '\r\n',
  'hello',
  '5\r\nhello\r\n',
  '0\r\n\r\n',
  '\0',
  '\n',
]
const PLAUSIBLE: ReadonlySet<string> = new Set(['bad_task_response', 'task_connection_closed', 'response_too_large'])

const answers = fc.array(fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...PARTS) }, fc.string({ maxLength: 4 })), {
  maxLength: 12,
})

test('F59: whatever a task sends is an answer or a failure of its own, and the next answer is the right one', {
  timeout: 300_000,
}, async () => {
  let bytes = ''
  await using bench = await ExchangeBench.open((socket) => {
    const isChecked = bench.server.requests.at(-1)?.endsWith('check') === true
    if (isChecked) socket.write(ok('checked'))
    else socket.end(bytes)
  })
  await fc.assert(
    fc.asyncProperty(answers, async (parts) => {
      bytes = parts.join('')
      const outcome = await bench.attempt().catch((error: unknown) => error)
      const isAnswer = typeof outcome === 'object' && outcome !== null && 'status' in outcome
      const isPlausible = outcome instanceof ErrandError && PLAUSIBLE.has(outcome.code)
      assert.ok(isAnswer || isPlausible, String(outcome))
      const { body } = await bench.send({ ...POST, body: 'check' })
      assert.equal(String(body), 'checked')
    }),
    { numRuns: 500 },
  )
})
