import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { ErrandClient } from '../../src/client/client.ts'
import { systemClock } from '../../src/core/clock.ts'
import { LoopWatch } from '../../src/daemon/loop-watch.ts'
import { JOURNAL_FILE, SqliteJournal } from '../../src/journal/sqlite/sqlite-journal.ts'
import { Heartbeat } from '../../src/util/heartbeat.ts'
import { FakeServe, serveTask } from '../support/fake-serve.ts'
import { httpCall } from '../support/http-call.ts'
import { RecordingLog } from '../support/recording-log.ts'
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

test('F11: the thread of the journal finds out which function holds the event loop up', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'errand-blocked-'))
  const heartbeat = new Heartbeat()
  const log = new RecordingLog()
  await using _journal = await SqliteJournal.open(join(folder, JOURNAL_FILE), { heartbeat })
  // Long enough to be warned of in any case.
  const standsStill = (leastMs: number, mostMs: number): void => {
    const sinceMs = performance.now()
    let forMs = 0
    while (forMs < leastMs || (!heartbeat.hasStack && forMs < mostMs)) forMs = performance.now() - sinceMs
  }
  {
    using _watch = new LoopWatch({ clock: systemClock, log, heartbeat })
    while (heartbeat.beats === 0) await sleep(20)
    standsStill(1500, 60_000)
    while (log.lines.length === 0) await sleep(20)
  }
  await rm(folder, { recursive: true })
  const [{ stack } = {}] = log.factsOf(WARNING)
  assert.ok(Array.isArray(stack))
  assert.match(stack.join('\n'), /standsStill \(.*loop-blocked/)
})
