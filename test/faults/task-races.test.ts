import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Cancellation } from '../../src/core/cancellation.ts'
import { ErrandError } from '../../src/core/errors.ts'
import { MIB } from '../../src/core/resources.ts'
import { ok, type RawServer } from '../../src/forward/raw-server.fixture.ts'
import type { TaskAnswer } from '../../src/service/node-api.ts'
import { eventually } from '../support/containers.ts'
import { RawTasks } from '../support/raw-tasks.ts'
import { scale } from '../support/scale.ts'

const options = { timeout: 600_000 }
const KEEP_ALIVE_MS = 10
const left = new ErrandError('cancelled', 'left')

/** One request, begun at once: over HTTP, requests may overtake each other. */
function ask(tasks: RawTasks, image: string, input: string, cancellation = new Cancellation()): Promise<TaskAnswer> {
  const resources = { cpuMillis: 100, memoryBytes: 64 * MIB, gpus: 0 }
  const task = { image, resources, isolation: 'container', sgx: false } as const
  const invocation = { caller: { id: 'test' }, task, method: 'POST', path: '/', body: input } as const
  return tasks.node.daemon.node.invoke(invocation, cancellation)
}

function inputsOf(server: RawServer): string[] {
  return server.requests.map((request) => request.split('\r\n\r\n')[1] ?? '')
}

describe('requests and the reaper', options, () => {
  test('F66: however they meet, every request is answered, once, and nothing is left', async () => {
    await using tasks = await RawTasks.open([`timeout=${KEEP_ALIVE_MS / 60_000}`])
    const images = Array.from({ length: 10 }, (_, index) => `raced:${index}`)
    const rounds = scale(1000, 10_000) / images.length
    const race = async (image: string): Promise<void> => {
      const server = await tasks.serve(image, (socket) => {
        socket.write(ok(`for ${inputsOf(server).at(-1)}`))
      })
      for (let round = 0; round < rounds; round += 1) {
        assert.equal(String((await ask(tasks, image, String(round))).body), `for ${round}`)
        // Around the moment of the removal, now a little before and now a little after it.
        await sleep(KEEP_ALIVE_MS * 2 * Math.random())
      }
      assert.deepEqual(
        inputsOf(server),
        Array.from({ length: rounds }, (_, round) => String(round)),
      )
    }
    await Promise.all(images.map(race))
    // Both sides have won often.
    assert.ok(tasks.engine.calls.create > rounds, `${tasks.engine.calls.create} starts`)
    assert.ok(tasks.engine.calls.create < rounds * images.length, `${tasks.engine.calls.create} starts`)
    await tasks.assertEmpties()
  })

  test('F66: evictions and requests meet likewise, where only one of two tasks has room', async () => {
    await using tasks = await RawTasks.open(['mem=100'])
    const images = ['left:1', 'right:1'] as const
    for (const image of images) await tasks.serve(image, ok(image))
    const rounds = scale(100, 1000)
    const race = async (image: string): Promise<void> => {
      for (let round = 0; round < rounds; round += 1) {
        assert.equal(String((await ask(tasks, image, '')).body), image)
        if (Math.random() < 0.3) await sleep(Math.random() * 3)
      }
    }
    await Promise.all(images.map(race))
    await tasks.assertEmpties()
  })
})

describe('more requests than can be served', options, () => {
  test('F67: of one task they wait in line, and are served in the order of their arrival', async () => {
    await using tasks = await RawTasks.open(['tasks.concurrency=1', 'mem=100'])
    const server = await tasks.serve('line:1', (socket) => setImmediate(() => socket.write(ok('served'))))
    const count = scale(100, 1000)
    const inputs = Array.from({ length: count }, (_, index) => String(index))
    await Promise.all(inputs.map((input) => ask(tasks, 'line:1', input)))
    assert.deepEqual(inputsOf(server), inputs)
    await tasks.assertEmpties()
  })

  test('F67: beyond the queue they are refused with queue_full and a time to come back', async () => {
    await using tasks = await RawTasks.open(['tasks.queueLimit=5'])
    tasks.engine.addImage('stuck:1', { isNeverReady: true })
    const leaving = Array.from({ length: 8 }, () => new Cancellation())
    const asked = leaving.map((cancellation) => ask(tasks, 'stuck:1', '', cancellation))
    const settled = Promise.allSettled(asked)
    for (const outcome of await Promise.allSettled(asked.slice(5))) {
      assert.ok(outcome.status === 'rejected')
      assert.equal(outcome.reason.code, 'queue_full')
      assert.ok(outcome.reason.retryAfterMs > 0)
    }
    await tasks.serve('other:1', ok('other'))
    // A task that fills the queue with its own requests keeps no other task out of it.
    assert.equal(String((await ask(tasks, 'other:1', '')).body), 'other')
    for (const each of leaving) each.cancel(left)
    await settled
    await tasks.assertEmpties()
  })

  test('F67: a task that is stuck in its start delays no other one', async () => {
    await using tasks = await RawTasks.open()
    tasks.engine.addImage('stuck:1', { isNeverReady: true })
    const leaving = Array.from({ length: 50 }, () => new Cancellation())
    const stuck = Promise.allSettled(leaving.map((cancellation) => ask(tasks, 'stuck:1', '', cancellation)))
    await eventually(() => tasks.engine.calls.create === 1)
    await tasks.serve('quick:1', ok('quick'))
    for (let round = 0; round < 20; round += 1) {
      assert.equal(String((await ask(tasks, 'quick:1', '')).body), 'quick')
    }
    for (const each of leaving) each.cancel(left)
    await stuck
    await tasks.assertEmpties()
  })
})
