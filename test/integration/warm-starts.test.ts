import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ensureImage } from '../../examples/tasks/offline/sample-images.ts'
import { eventually } from '../support/containers.ts'
import { startDaemon } from '../support/daemon.ts'
import { containerEvents } from '../support/engine-events.ts'
import { EngineProxy } from '../support/engine-proxy.ts'
import { hang } from '../support/hanging-request.ts'

const SMALL = { cpu: 0.2, mem: 64 }
const options = { timeout: 300_000 }

/** Sends `count` requests at once; each names the next number. */
function times<T>(count: number, send: (number: number) => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: count }, (_, number) => send(number)))
}

describe('requests for one cold task', options, () => {
  test('20 at once cause exactly one container', async () => {
    await using proxy = await EngineProxy.open()
    await using node = await startDaemon([proxy.setting])
    const id = await ensureImage('hello-node')
    const sinceMs = Date.now()
    const answers = await times(20, (number) => node.execute({ id, resource: SMALL, input: String(number) }))
    assert.deepEqual(
      answers.map(({ msg }) => msg),
      answers.map((_, number) => `Hello, ${number}!`),
    )
    assert.equal(proxy.creates, 1)
    const events = await containerEvents(node.installation, sinceMs)
    assert.equal(events.filter(({ action }) => action === 'create').length, 1)
    assert.equal((await node.containers()).length, 1)
  })

  test('8 at once with a concurrency of 4 cause exactly two containers', async () => {
    await using proxy = await EngineProxy.open()
    await using node = await startDaemon([proxy.setting, 'tasks.concurrency=4'])
    const id = await ensureImage('hello-node')
    const answers = await times(8, (number) => node.execute({ id, resource: SMALL, input: String(number) }))
    assert.ok(answers.every(({ success }) => success))
    assert.equal(proxy.creates, 2)
    assert.equal((await node.containers()).length, 2)
  })

  test('one that leaves while it starts leaves the others served, by the one start', async () => {
    await using proxy = await EngineProxy.open()
    await using node = await startDaemon([proxy.setting])
    const id = await ensureImage('slow')
    const leaving = new AbortController()
    const body = JSON.stringify({ id, resource: SMALL, input: '{"sleepMs": 1}' })
    const left = fetch(node.url, { method: 'POST', body, signal: leaving.signal })
    const others = times(3, () => node.execute({ id, resource: SMALL, input: '{"sleepMs": 1}' }))
    await eventually(() => proxy.creates === 1)
    leaving.abort()
    await assert.rejects(left)
    assert.deepEqual(
      (await others).map(({ msg }) => msg),
      ['slept 1 ms', 'slept 1 ms', 'slept 1 ms'],
    )
    assert.equal(proxy.creates, 1)
  })
})

test('a task that takes long to start delays neither a warm task nor the cold start of another', options, async () => {
  await using node = await startDaemon(['resources.cpuOvercommit=4'])
  const [slow, hello] = [await ensureImage('slow'), await ensureImage('hello-node')]
  const order: string[] = []
  const execute = async (name: string, id: string, cpu: number): Promise<void> => {
    const { success } = await node.execute({ id, resource: { cpu, mem: 64 }, input: '{"sleepMs": 1}' })
    order.push(success ? name : `${name} failed`)
  }
  await execute('warm-up', hello, 0.4)
  const slowOne = execute('slow', slow, 0.4)
  await eventually(async () => (await node.containers()).length === 2)
  await Promise.all([execute('warm', hello, 0.4), execute('cold', hello, 0.5)])
  assert.deepEqual(order, ['warm-up', 'warm', 'cold'])
  await slowOne
  assert.equal(order.at(-1), 'slow')
})

test(
  'a caller that disconnects frees its turn: the instance becomes idle and the node can pause',
  options,
  async () => {
    await using node = await startDaemon(['cpu=1'])
    const busy = await hang(node, { cpu: 1, mem: 64 })
    // It needs the room of the busy instance, so it is served once that one is idle.
    const waiting = node.execute({ id: await ensureImage('hello-node'), resource: { cpu: 1, mem: 64 }, input: 'you' })
    await busy[Symbol.asyncDispose]()
    assert.equal((await waiting).msg, 'Hello, you!')
    assert.equal((await fetch(`${node.url}/pause`, { method: 'POST' })).status, 200)
    assert.deepEqual(await node.containers(), [])
  },
)
