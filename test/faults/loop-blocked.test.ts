import assert from 'node:assert/strict'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { ErrandClient } from '../../src/client/client.ts'
import { FakeServe, serveTask } from '../support/fake-serve.ts'
import { httpCall } from '../support/http-call.ts'
import { scale } from '../support/scale.ts'

const WARNING = 'the event loop stood still: what was asked meanwhile is answered late'
const BLOCK_MS = scale(3000, 5000)
/** Of each kind, before and amid it. */
const AT_ONCE = 10
const NAMED = { image: 'echo', concurrency: 'unlimited', resources: { cpu: 0.1 } } as const

test('F11: while the event loop stands still requests wait, and none is lost; it is warned of', async () => {
  const arrived = new Map<string, number>()
  const [underWay, blocked] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  await using server = await serveTask((request, response) => {
    void text(request).then((input) => {
      arrived.set(input, (arrived.get(input) ?? 0) + 1)
      if (!input.startsWith('before')) {
        response.end(input)
        return
      }
      // Those that are under way are answered amid it.
      if (arrived.size === 2 * AT_ONCE) underWay.resolve()
      void blocked.promise.then(() => response.end(input))
    })
  })
  await using daemon = await FakeServe.open({ tasks: { echo: server.port }, hasSocket: true })
  await using client = new ErrandClient({ url: `unix:${daemon.socketPath}`, patienceMs: 0 })
  await client.tasks.put('named', NAMED)
  const answeredMs: number[] = []
  const ask = async (prefix: string, how: (input: string) => Promise<string>): Promise<void> => {
    const inputs = Array.from({ length: AT_ONCE }, (_, index) => `${prefix} ${index}`)
    const answers = await Promise.all(
      inputs.map(async (input) => {
        const answer = await how(input)
        answeredMs.push(performance.now())
        return answer
      }),
    )
    assert.deepEqual(answers, inputs)
  }
  const overMeca = async (input: string): Promise<string> => {
    const { success, msg } = await daemon.process.execute({ id: 'echo', resource: { cpu: 0.1, mem: 64 }, input })
    assert.ok(success, msg)
    return msg
  }
  const overV1 = async (body: string): Promise<string> =>
    (await httpCall(`unix:${daemon.socketPath}`, { method: 'POST', path: '/v1/tasks/named/invoke', body })).text
  const all = (prefix: string): Promise<void>[] => [ask(`${prefix}, meca`, overMeca), ask(`${prefix}, v1`, overV1)]

  const before = all('before')
  await underWay.promise
  await daemon.block(BLOCK_MS)
  const sinceMs = performance.now()
  blocked.resolve()
  await Promise.all([...before, ...all('amid')])

  const early = answeredMs.filter((atMs) => atMs - sinceMs < BLOCK_MS - 250)
  assert.deepEqual([answeredMs.length, early], [4 * AT_ONCE, []], 'all were answered, after it')
  assert.deepEqual([arrived.size, ...new Set(arrived.values())], [4 * AT_ONCE, 1], 'each was sent to its task once')
  const { blockedMs, cpuMs, level } = await daemon.process.log.entry(WARNING)
  assert.ok(Number(blockedMs) >= BLOCK_MS - 250, `blocked ${Number(blockedMs)} ms`)
  assert.ok(Number(cpuMs) > BLOCK_MS / 10 && level === 40, `${Number(cpuMs)} ms of CPU`)
  const metrics = await httpCall(`unix:${daemon.socketPath}`, { method: 'GET', path: '/metrics' })
  const [, lag] = /^errand_event_loop_lag_seconds\{quantile="1"\} (.+)$/m.exec(metrics.text) ?? []
  assert.ok(Number(lag) * 1000 >= BLOCK_MS - 500, `the metric said ${lag} s`)
})
