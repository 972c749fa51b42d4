import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Cancellation } from '../../core/cancellation.ts'
import type { ErrandError } from '../../core/errors.ts'
import type { Log } from '../../core/log.ts'
import type { TaskAnswer } from '../../service/node-api.ts'
import { ask, fakeNode, RawConnection, serveFace } from '../wire-kit.fixture.ts'

const HELLO = '{"id":"a","input":"x"}'
const REQUEST = ['POST / HTTP/1.1', 'Host: localhost', `Content-Length: ${HELLO.length}`, '', HELLO]

/** A node whose invocations last until they are cancelled or the test answers them. */
function patientNode() {
  const cancelled: ErrandError[] = []
  const answers: ((answer: TaskAnswer) => void)[] = []
  const began = new EventTarget()
  const node = fakeNode({
    invoke: (_invocation, cancellation: Cancellation) =>
      new Promise<TaskAnswer>((resolve, reject) => {
        answers.push(resolve)
        cancellation.handOver((reason) => {
          cancelled.push(reason)
          reject(reason)
          began.dispatchEvent(new Event('change'))
        })
        began.dispatchEvent(new Event('change'))
      }),
  })
  const until = async (isSo: () => boolean): Promise<void> => {
    while (!isSo()) await new Promise((resolve) => began.addEventListener('change', resolve, { once: true }))
  }
  return { node, cancelled, answers, until }
}

function recordingLog(): { log: Log; lines: { level: string; facts: object; message: string }[] } {
  const lines: { level: string; facts: object; message: string }[] = []
  const at = (level: string) => (facts: object, message: string) => void lines.push({ level, facts, message })
  return { lines, log: { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') } }
}

test('a caller that leaves cancels its invocation', async () => {
  const { node, cancelled, answers, until } = patientNode()
  await using face = await serveFace({ node })
  using connection = new RawConnection(face.port)
  connection.write(...REQUEST)
  await until(() => answers.length === 1)
  connection.socket.destroy()
  await until(() => cancelled.length === 1)
  assert.equal(cancelled[0]?.code, 'cancelled')
})

test('a caller that leaves cancels every invocation that it had pipelined', async () => {
  const { node, cancelled, answers, until } = patientNode()
  await using face = await serveFace({ node })
  using connection = new RawConnection(face.port)
  for (let i = 0; i < 3; i += 1) connection.write(...REQUEST)
  await until(() => answers.length === 3)
  connection.socket.destroy()
  await until(() => cancelled.length === 3)
})

test('a caller that leaves within its body invokes nothing', async () => {
  const { node, answers, until } = patientNode()
  await using face = await serveFace({ node })
  using early = new RawConnection(face.port)
  early.write('POST / HTTP/1.1', 'Host: localhost', 'Content-Length: 1000', '', HELLO)
  early.socket.end()
  await early.untilClosed()
  using connection = new RawConnection(face.port)
  connection.write(...REQUEST)
  await until(() => answers.length > 0)
  assert.equal(answers.length, 1)
})

test('an answered invocation is not cancelled when its caller leaves later', async () => {
  const { node, cancelled, answers, until } = patientNode()
  await using face = await serveFace({ node })
  using connection = new RawConnection(face.port)
  connection.write(...REQUEST)
  await until(() => answers.length === 1)
  answers[0]?.({ status: 200, body: Buffer.from('done') })
  await connection.until('done')
  connection.socket.destroy()
  await connection.untilClosed()
  assert.deepEqual(cancelled, [])
})

test('a task answer that is not UTF-8 still makes a JSON answer', async () => {
  const node = fakeNode({ invoke: async () => ({ status: 200, body: Buffer.from([0xff, 0x61]) }) })
  await using face = await serveFace({ node })
  const { text } = await ask(face.port, { body: HELLO })
  assert.deepEqual(JSON.parse(text), { success: true, msg: '\ufffda' })
})

test('every invocation carries the caller of its listener', async () => {
  const node = fakeNode()
  await using face = await serveFace({ node, caller: { id: 'meca-7' } })
  await ask(face.port, { body: HELLO })
  assert.equal(node.invocations[0]?.caller.id, 'meca-7')
})

test('control calls at the same time each reach the node and each get their answer', async () => {
  const asked: string[] = []
  const paused = Promise.withResolvers<void>()
  const node = fakeNode({
    pause: () => {
      asked.push('pause')
      return paused.promise
    },
    unpause: async () => {
      asked.push('unpause')
      paused.resolve()
    },
  })
  await using face = await serveFace({ node })
  const first = ask(face.port, { path: '/pause' })
  const second = ask(face.port, { path: '/pause' })
  assert.equal((await ask(face.port, { method: 'GET', path: '/health' })).status, 200, 'others go on')
  const third = ask(face.port, { path: '/unpause' })
  const answers = await Promise.all([first, second, third])
  assert.deepEqual(asked.sort(), ['pause', 'pause', 'unpause'])
  for (const { text } of answers) assert.equal(JSON.parse(text).success, true)
})

test('a stop is answered once the node has stopped, and then the process is told, once', async () => {
  const { node, answers, until } = patientNode()
  const stopped = Promise.withResolvers<void>()
  const told = Promise.withResolvers<void>()
  let calls = 0
  const onStop = (): void => {
    calls += 1
    told.resolve()
  }
  await using face = await serveFace({ node: { ...node, stop: () => stopped.promise }, onStop })
  const running = ask(face.port, { body: HELLO })
  await until(() => answers.length === 1)
  const stops = [ask(face.port, { path: '/stop' }), ask(face.port, { path: '/stop' })]
  answers[0]?.({ status: 200, body: Buffer.from('done') })
  assert.equal(JSON.parse((await running).text).msg, 'done', 'a request in flight is answered while stopping')
  assert.equal(calls, 0)
  stopped.resolve()
  for (const { status, headers } of await Promise.all(stops)) {
    assert.deepEqual([status, headers.connection], [200, 'close'])
  }
  await told.promise
  await face.listeners.close()
  assert.equal(calls, 1)
})

test('a stop whose caller leaves stops the process all the same', async () => {
  const asked = Promise.withResolvers<void>()
  const stopped = Promise.withResolvers<void>()
  const told = Promise.withResolvers<void>()
  const stop = (): Promise<void> => {
    asked.resolve()
    return stopped.promise
  }
  await using face = await serveFace({ node: fakeNode({ stop }), onStop: told.resolve })
  using connection = new RawConnection(face.port)
  connection.write('POST /stop HTTP/1.1', 'Host: localhost', '', '')
  await asked.promise
  connection.socket.destroy()
  await connection.untilClosed()
  stopped.resolve()
  await told.promise
})

test('unknown keys are warned of once per listener, by the first key and without values', async () => {
  const { log, lines } = recordingLog()
  await using face = await serveFace({ node: fakeNode(), log })
  const body = JSON.stringify({ id: 'a', input: 'x', ['k'.repeat(100)]: 'value', another: 1 })
  for (let i = 0; i < 3; i += 1) assert.equal(JSON.parse((await ask(face.port, { body })).text).success, true)
  assert.deepEqual(
    lines.map(({ level, facts }) => [level, facts]),
    [['warn', { key: 'k'.repeat(64) }]],
  )
})

test('a fault of ours is logged once with its cause, a refusal is not', async () => {
  const { log, lines } = recordingLog()
  const fault = new TypeError('x is not a function')
  await using face = await serveFace({ node: fakeNode({ invoke: () => Promise.reject(fault) }), log })
  await ask(face.port, { body: HELLO })
  await ask(face.port, { body: '{' })
  assert.deepEqual(
    lines.map(({ level, facts }) => [level, facts]),
    [['error', { err: fault }]],
  )
})

test('the access log has a line for each request, without query or body', async () => {
  const { log, lines } = recordingLog()
  const clock = { wallMs: () => 0, monotonicMs: () => 0, setTimer: () => ({ [Symbol.dispose]() {} }) }
  await using face = await serveFace({ node: fakeNode(), log, accessLog: true, clock })
  await ask(face.port, { path: '/?token=secret', body: HELLO })
  await ask(face.port, { path: '/nowhere', body: HELLO })
  await face.listeners.close()
  assert.deepEqual(
    lines.map(({ facts }) => facts),
    [
      { method: 'POST', path: '/', status: 200, isAnswered: true, durationMs: 0 },
      { method: 'POST', path: '/nowhere', status: 404, isAnswered: true, durationMs: 0 },
    ],
  )
})

test('the access log is off unless asked for', async () => {
  const { log, lines } = recordingLog()
  await using face = await serveFace({ node: fakeNode(), log })
  await ask(face.port, { body: HELLO })
  await face.listeners.close()
  assert.deepEqual(lines, [])
})
