import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { ensureImage } from '../../examples/tasks/offline/sample-images.ts'
import { eventually } from '../support/containers.ts'
import { type MecaAnswer, startDaemon, type TestDaemon } from '../support/daemon.ts'
import { engineImages } from '../support/engine-images.ts'
import { ensureTask, say } from '../support/test-tasks.ts'

const SMALL = { cpu: 0.5, mem: 64 }
const LOG_TAIL_BYTES = 4096
const options = { timeout: 300_000 }

/** The last lines of `flood`, as far as a log tail shows them. */
const LAST_OF_FLOOD = Array.from(
  { length: LOG_TAIL_BYTES / 16 },
  (_, line) => `line ${String(4096 - LOG_TAIL_BYTES / 16 + line).padStart(10, '0')}\n`,
).join('')

describe('a task that fails', options, () => {
  let node: TestDaemon
  before(async () => {
    node = await startDaemon(['images.pull=never'])
  })
  after(async () => node[Symbol.asyncDispose]())

  /** The failure of a cold start, after which no container may be there. */
  async function failure(id: string, input = ''): Promise<MecaAnswer> {
    const answer = await node.execute({ id, resource: SMALL, input })
    assert.equal(answer.success, false)
    assert.deepEqual(await node.containers(), [])
    return answer
  }

  /** The failure of a request whose instance dies of it. The answer does not wait for the removal. */
  async function deathBy(id: string, input: string): Promise<MecaAnswer> {
    const answer = await node.execute({ id, resource: SMALL, input })
    assert.equal(answer.success, false)
    await eventually(async () => (await node.containers()).length === 0)
    return answer
  }

  test('by exiting before it is ready is answered with its exit code and log', async () => {
    const { code, details, msg } = await failure(await ensureImage('crash'))
    assert.equal(code, 'task_exited')
    assert.match(msg, /exit code 3/)
    assert.equal(details?.exitCode, 3)
    assert.equal(details?.log, 'crash: giving up before anything listens\n')
  })

  test('with 64 KiB of output is answered with exactly the last 4 KiB of it', async () => {
    const { details } = await failure(await ensureTask('flood'))
    assert.equal(details?.log, LAST_OF_FLOOD)
  })

  test('in the middle of a request is answered with its exit code', async () => {
    const id = await ensureImage('crash-on-request')
    assert.equal((await node.execute({ id, resource: SMALL, input: 'hello' })).msg, 'alive')
    const { code, details } = await deathBy(id, 'die')
    assert.equal(code, 'task_exited')
    assert.equal(details?.exitCode, 7)
  })

  test('in the middle of a request after many short lines is answered with exactly the last 4 KiB of them', async () => {
    const order = { order: 'printAndExit', line: 'short', times: 4000, code: 5 } as const
    const { code, details } = await deathBy(await ensureTask('talk'), say(order))
    assert.equal(code, 'task_exited')
    assert.equal(details?.exitCode, 5)
    assert.equal(details?.log, 'short\n'.repeat(1000).slice(-LOG_TAIL_BYTES))
  })

  test('for want of its command is answered as command_not_found', async () => {
    const { lacksCommand } = await engineImages()
    const { code, msg } = await failure(lacksCommand)
    assert.equal(code, 'command_not_found')
    assert.match(msg, /command/)
  })

  test('because its image is not here is answered as image_not_found', async () => {
    const { code, msg } = await failure('errand-test/no-such-image:1')
    assert.equal(code, 'image_not_found')
    assert.match(msg, /errand-test\/no-such-image:1/)
  })

  test('because its image reference is none is refused as validation_failed', async () => {
    for (const id of ['', 'UPPER', 'a b', '../etc', 'x@sha256:1', '--privileged']) {
      assert.equal((await failure(id)).code, 'validation_failed')
    }
  })
})

test('a task that is never ready is answered with not_ready and its log, and is gone', options, async () => {
  await using node = await startDaemon(['tasks.startTimeoutMs=5000'])
  const { success, code, details, msg } = await node.execute({
    id: await ensureImage('never-ready'),
    resource: SMALL,
    input: '',
  })
  assert.deepEqual([success, code, details?.log], [false, 'not_ready', 'listening\n'])
  assert.match(msg, /5000 ms/)
  assert.deepEqual(await node.containers(), [])
})

test('a task that fails again and again is refused with crash_loop until its delay is over', options, async () => {
  await using node = await startDaemon()
  const request = { id: await ensureImage('crash'), resource: SMALL, input: '' }
  const codes: (string | undefined)[] = []
  for (let tries = 0; tries < 3; tries += 1) codes.push((await node.execute(request)).code)
  assert.deepEqual(codes, ['task_exited', 'task_exited', 'task_exited'])
  const { code, retryAfterMs = 0, details } = await node.execute(request)
  assert.equal(code, 'crash_loop')
  assert.ok(retryAfterMs > 0 && retryAfterMs <= 4000)
  assert.deepEqual([details?.lastCode, details?.exitCode, details?.failures], ['task_exited', 3, 3])
  assert.deepEqual(await node.containers(), [])
  // Others are not held back by it.
  const other = await node.execute({ id: await ensureImage('hello-node'), resource: SMALL, input: 'you' })
  assert.equal(other.success, true)
})
