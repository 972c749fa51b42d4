import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { ErrandError } from '../../src/core/errors.ts'
import { FakeRegistry, serving } from '../support/fake-registry.ts'
import { scale } from '../support/scale.ts'
import { type KnownRequest, ShellExecutor } from '../support/shell-executor.ts'

const options = { timeout: 900_000 }
const LONG_MS = 60_000
const RACES = scale(20, 1000)
const RUNNERS = 4
/** Around which a task that is over at once ends. */
const JITTER_MS = 150

let shell: ShellExecutor
before(async () => {
  shell = await ShellExecutor.open()
}, options)
after(async () => shell[Symbol.asyncDispose]())

test(
  'F51: a cancellation that races with the end gives one last word, and a late one is refused',
  options,
  async (t) => {
    const words = new Map<string, number>()
    const runners = Array.from({ length: RUNNERS }, async (_, runner) => {
      for (let race = runner; race < RACES; race += RUNNERS) {
        const word = await raceWithEnd()
        words.set(word, (words.get(word) ?? 0) + 1)
      }
    })
    await Promise.all(runners)
    t.diagnostic([...words].map(([word, times]) => `${times} ${word}`).join(', '))
  },
)

test('F52: an execution that waits for room is cancelled at once', options, async () => {
  await using narrow = await ShellExecutor.open({ resources: { cpu: 1 } })
  const [first, second] = [narrow.request('exec sleep 1000'), narrow.request('exec sleep 1000')]
  await narrow.executor.start(first)
  await assertNeverRuns(narrow, second, 'queued')
  await narrow.executor.cancel(first.executionId, { graceMs: 0 })
})

test('F52: an execution that pulls is cancelled at once', options, async () => {
  const asked = Promise.withResolvers<void>()
  const handler = serving({
    layer: gzipSync(randomBytes(100_000)),
    sendLayer: (response, bytes) => {
      response.writeHead(200, { 'content-length': bytes.length }).write(bytes.subarray(0, bytes.length / 2))
      asked.resolve()
    },
  })
  await using registry = await FakeRegistry.open(handler)
  await using puller = await ShellExecutor.open({ images: { privateRegistries: [registry.host] } })
  const request = puller.imageRequest(`${registry.host}/slow:1`)
  await assertNeverRuns(puller, request, 'pulling', asked.promise)
})

test('F52: an execution that is being created is cancelled, and nothing of it is left', options, async () => {
  for (const delayMs of [0, 5, 10, 20, 50, 100, 200]) {
    const request = shell.request('exec sleep 1000')
    const started = shell.executor.start(request)
    started.catch(() => {})
    await shell.known(request.executionId)
    await shell.executor.waitForStatus(request.executionId, 'creating', LONG_MS)
    await sleep(delayMs) // the places where a start can be interrupted are not told
    await shell.executor.cancel(request.executionId, { graceMs: 0 })
    assert.equal((await shell.executor.wait(request.executionId)).status, 'cancelled')
    await shell.executor.remove(request.executionId)
  }
  assert.deepEqual((await shell.executor.cleanup()).failed, [])
})

async function raceWithEnd(): Promise<string> {
  const request = shell.request('echo out')
  const { executionId } = request
  await shell.executor.start(request)
  await sleep(Math.random() * JITTER_MS)
  const isCancelled = await shell.executor.cancel(executionId, { graceMs: LONG_MS }).then(
    () => true,
    (error: unknown) => {
      assert.ok(error instanceof ErrandError && error.code === 'already_ended', String(error))
      return false
    },
  )
  const first = await shell.executor.wait(executionId)
  assert.ok(['succeeded', 'cancelled'].includes(first.status), first.status)
  if (!isCancelled) assert.equal(first.status, 'succeeded')
  await assert.rejects(shell.executor.cancel(executionId), { code: 'already_ended' })
  assert.deepEqual(await shell.executor.wait(executionId), first)
  await shell.executor.remove(executionId)
  return first.status
}

/** Cancels it in this status, or once `reached` resolves in it, and asserts that it has never run. */
async function assertNeverRuns(
  on: ShellExecutor,
  request: KnownRequest,
  status: 'queued' | 'pulling',
  reached: Promise<void> = Promise.resolve(),
): Promise<void> {
  const started = on.executor.start(request)
  started.catch(() => {})
  await on.known(request.executionId)
  await on.executor.waitForStatus(request.executionId, status, LONG_MS)
  await Promise.race([reached, started])
  await on.executor.cancel(request.executionId)
  await assert.rejects(started, { code: 'cancelled' })
  const result = await on.executor.wait(request.executionId)
  assert.deepEqual([result.status, result.exitCode, result.times.creatingMs], ['cancelled', -1, undefined])
}
