import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { ensureImage } from '../../examples/tasks/offline/sample-images.ts'
import { docker } from '../support/engine-host.ts'
import { assertExecutions } from '../support/execution-invariants.ts'
import { httpCall } from '../support/http-call.ts'
import { MortalNode } from '../support/mortal-node.ts'
import { Puppet, puppetRequest } from '../support/puppet.ts'
import { smallExecution } from '../support/small-executions.ts'

const STOPPING = 'the node is stopping; waiting for requests under way'
/** An image that is missing is built first. */
const options = { timeout: 600_000, concurrency: 3 }

/** A node with a warm request that it holds, and which keeps it from ending. */
async function holding(node: MortalNode): Promise<{ puppet: Puppet; held: Promise<unknown> }> {
  await node.served.execute(await puppetRequest({ print: 'warm' }))
  const [container = ''] = await node.home.containers()
  const puppet = await Puppet.in(container)
  const held = node.served.execute(await puppetRequest({ hold: true }))
  await puppet.holds(1)
  return { puppet, held }
}

describe('a daemon that is told to end', options, () => {
  let image = ''

  before(async () => {
    image = await ensureImage('busybox')
  })

  test('F8: waits for executions that run where its owner wants that, and leaves those that wait', async () => {
    await using node = await MortalNode.make(['mem=256', 'executions.drainTimeoutMs=60000'])
    await node.start()
    const running = smallExecution('running', image, { seconds: 3, exitCode: 5 })
    const waiting = smallExecution('waiting', image, { exitCode: 6, memoryMib: 250 })
    await node.client.submit(running.body, 'running')
    await node.client.until('running', 'running')
    await node.client.submit(waiting.body, 'waiting')
    await node.client.until('waiting', 'queued')
    node.served.signal('SIGTERM')
    assert.deepEqual(await node.served.ended, { code: 0, signal: null })
    assert.deepEqual(await node.home.containers(), [])
    await node.start()
    await Promise.all([node.client.wait('running'), node.client.wait('waiting')])
    await assertExecutions(node, new Map([running, waiting].map(({ id, meant }) => [id, meant])))
  })

  test('F8: refuses executions, ends with 0, and leaves those that run or wait to the next one', async () => {
    await using node = await MortalNode.make(['mem=256'])
    await node.start()
    const { puppet, held } = await holding(node)
    const running = smallExecution('running', image, { seconds: 8, exitCode: 5 })
    const waiting = smallExecution('waiting', image, { exitCode: 6, memoryMib: 250 })
    await node.client.submit(running.body, 'running')
    await node.client.until('running', 'running')
    await node.client.submit(waiting.body, 'waiting')
    await node.client.until('waiting', 'queued')

    node.served.signal('SIGTERM')
    await node.served.log.entry(STOPPING)
    const refused = await httpCall(node.client.address, {
      method: 'POST',
      path: '/v1/executions',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(smallExecution('late', image).body),
    })
    assert.equal(refused.status, 503, refused.text)
    assert.equal(JSON.parse(refused.text).code, 'draining')
    assert.ok(Number(refused.headers['retry-after']) > 0)
    await puppet.free()
    assert.deepEqual(await held, { success: true, msg: 'freed' })
    assert.deepEqual(await node.served.ended, { code: 0, signal: null })
    const left = await node.home.containers()
    assert.equal(left.length, 1, left.join(', '))
    assert.deepEqual(await docker('inspect', '--format', '{{.State.Running}}', left[0] ?? ''), ['true'])

    await node.start()
    await Promise.all([node.client.wait('running'), node.client.wait('waiting')])
    await assertExecutions(node, new Map([running, waiting].map(({ id, meant }) => [id, meant])))
  })

  test('F8: and told again, ends at once with 143, and nothing is lost', async () => {
    await using node = await MortalNode.make()
    await node.start()
    const { held } = await holding(node)
    const cut = assert.rejects(held, { code: 'ECONNRESET' })
    const running = smallExecution('running', image, { seconds: 3, exitCode: 5 })
    await node.client.submit(running.body, 'running')
    await node.client.until('running', 'running')
    node.served.signal('SIGTERM')
    await node.served.log.entry(STOPPING)
    node.served.signal('SIGTERM')
    assert.deepEqual(await node.served.ended, { code: 143, signal: null })
    await cut
    await node.start()
    await node.client.wait('running')
    await assertExecutions(node, new Map([[running.id, running.meant]]))
  })
})

describe('beside a daemon', options, () => {
  test('F10: a second one on its state folder exits with 75 and names it, and the first goes on undisturbed', async () => {
    await using node = await MortalNode.make()
    await node.start()
    const running = smallExecution('running', await ensureImage('busybox'), { seconds: 2, exitCode: 4 })
    await node.client.submit(running.body, 'running')
    const second = node.spawn()
    assert.deepEqual(await second.ended, { code: 75, signal: null })
    assert.match(second.log.text, new RegExp(`is in use by process ${node.served.pid} on `))
    await node.client.wait('running')
    await assertExecutions(node, new Map([[running.id, running.meant]]))
  })
})

describe('a time-out', options, () => {
  test('F44: that passes while no daemon lives is carried out by the next one', async () => {
    await using node = await MortalNode.make()
    await node.start()
    const image = await ensureImage('busybox')
    const overdue = smallExecution('overdue', image, { seconds: 600, timeoutMs: 2000 })
    const inTime = smallExecution('in-time', image, { seconds: 1, timeoutMs: 2000 })
    for (const { id, body } of [overdue, inTime]) await node.client.submit(body, id)
    for (const { id } of [overdue, inTime]) await node.client.until(id, 'running')
    await node.kill()
    await sleep(3000) // the engine has no event for it
    await node.start()
    const { status, reason, times } = await node.client.wait('overdue')
    assert.deepEqual([status, reason], ['timed_out', 'run_timeout'])
    assert.ok(Date.parse(times.ended ?? '') - Date.parse(times.running ?? '') >= 3000)
    await node.client.wait('in-time')
    await assertExecutions(node, new Map([[inTime.id, inTime.meant]]))
  })
})
