import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { ensureImage } from '../../examples/tasks/offline/sample-images.ts'
import { ErrandClient, type LogLine } from '../../src/client/client.ts'
import type { ExecutionBody } from '../../src/http/contract/execution-body.ts'
import { MortalNode } from '../support/mortal-node.ts'

/** An image that is missing is built first. */
const options = { timeout: 600_000, concurrency: 3 }
const LINES = 400

/** On a busy machine a node may take longer to start than a wait that was not answered before would be patient. */
function clientOf(node: MortalNode): ErrandClient {
  return new ErrandClient({ url: node.client.address, patienceMs: Infinity })
}

/** Prints so many lines, twenty a second or so, and ends with 7. */
function counting(id: string, image: string): ExecutionBody {
  const script = `i=0; while [ $i -lt ${LINES} ]; do i=$((i + 1)); echo "line $i"; sleep 0.02; done; exit 7`
  return { id, task: { image, cmd: ['sh', '-c', script], resources: { cpu: 0.1, memory: 16 * 1024 ** 2 } } }
}

/** All that is printed; calls `onLine` after each with how many there are. */
async function follow(client: ErrandClient, id: string, onLine: (count: number) => void): Promise<LogLine[]> {
  const lines: LogLine[] = []
  for await (const line of client.executions.logs(id, { follow: true })) {
    lines.push(line)
    onLine(lines.length)
  }
  return lines
}

function assertEachOnce(lines: readonly LogLine[]): void {
  assert.deepEqual(
    lines.map(({ seq }) => seq),
    lines.map((_line, index) => index + 1),
  )
  const expected = Array.from({ length: LINES }, (_, index) => `line ${index + 1}\n`)
  assert.equal(lines.map(({ data }) => data).join(''), expected.join(''))
}

describe('a client whose node', options, () => {
  let image = ''

  before(async () => {
    image = await ensureImage('busybox')
  })

  test('is killed and started again under it waits, follows and hears on, and misses nothing', async () => {
    await using node = await MortalNode.make()
    await node.start()
    await using client = clientOf(node)
    await client.executions.submit(counting('counted', image))
    const waited = client.executions.wait('counted')
    const statuses: string[] = []
    const heard = (async () => {
      for await (const event of client.events({ since: 0 })) {
        assert.ok(event.name === 'execution', 'a gap was told')
        statuses.push(event.execution.status)
        if (event.execution.status === 'failed') return
      }
    })()
    const deaths = [30, 200].map((count) => ({ count, reached: Promise.withResolvers<void>() }))
    const followed = follow(client, 'counted', (count) => {
      for (const death of deaths) if (death.count === count) death.reached.resolve()
    })
    for (const { reached } of deaths) {
      await reached.promise
      await node.kill()
      await node.start()
    }
    assertEachOnce(await followed)
    const { status, exitCode, logs } = await waited
    assert.deepEqual([status, exitCode, logs.gaps], ['failed', 7, 0])
    await heard
    assert.deepEqual(statuses, ['accepted', 'queued', 'pulling', 'creating', 'running', 'finalizing', 'failed'])
  })

  test('is told to end, and started again later, waits and follows on', async () => {
    await using node = await MortalNode.make()
    await node.start()
    await using client = clientOf(node)
    await client.executions.submit(counting('counted', image))
    const waited = client.executions.wait('counted')
    const reached = Promise.withResolvers<void>()
    const followed = follow(client, 'counted', (count) => {
      if (count === 100) reached.resolve()
    })
    await reached.promise
    node.served.signal('SIGTERM')
    assert.deepEqual(await node.served.ended, { code: 0, signal: null })
    await node.start()
    assertEachOnce(await followed)
    assert.equal((await waited).exitCode, 7)
  })

  test('is away for now gets work to it once it is back', async () => {
    await using node = await MortalNode.make()
    await node.start()
    await node.kill()
    await using client = clientOf(node)
    const never = { patienceMs: 0 }
    const refused = client.executions.submit(counting('once', image), never)
    await assert.rejects(refused, { code: 'node_unavailable', details: { mayHaveArrived: false } })
    const submitted = client.executions.submit(
      { id: 'late', task: { image, cmd: ['true'], resources: { cpu: 0.1, memory: 16 * 1024 ** 2 } } },
      { patienceMs: Infinity },
    )
    await node.start()
    assert.equal((await submitted).id, 'late')
    assert.equal((await client.executions.wait('late')).status, 'succeeded')
  })
})
