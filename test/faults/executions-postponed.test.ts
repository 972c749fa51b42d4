import assert from 'node:assert/strict'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { ManualClock } from '../../src/core/manual-clock.ts'
import { ExecutionsBench, type Life } from '../../src/service/executions/executions-bench.fixture.ts'
import { DEFAULTS } from '../../src/service/executions/test-defaults.fixture.ts'
import { SmallDisk } from '../support/small-disk.ts'

const NEVER = new AbortController().signal
const FILES = 64
const IMAGES = { job: { output: ['once\n'], exit: { code: 0 } } }

interface World extends Life {
  readonly disk: SmallDisk
  readonly bench: ExecutionsBench
  readonly clock: ManualClock
  readonly executionId: string
}

/** A process that finds an execution which an earlier one has accepted, and no room for its files. */
async function postponed(held: AsyncDisposableStack): Promise<World> {
  const disk = held.use(await SmallDisk.mount(4, FILES))
  const clock = new ManualClock()
  const bench = held.use(await ExecutionsBench.make(IMAGES, clock, disk.path))
  const first = await bench.open()
  const request = bench.request('job')
  const stalled = bench.engine.stall('attach')
  await first.executions.submit(request)
  await stalled.reached
  await first.letGo()
  stalled[Symbol.dispose]()
  const { executionId } = request
  await bench.rewrite(executionId, { status: 'queued' })
  for (const folder of ['executions', 'trash']) await rm(join(disk.path, folder), { recursive: true, force: true })
  await disk.fillNames()
  return { ...(await bench.open()), disk, bench, clock, executionId }
}

describe('F18: an execution of an earlier process that finds no room on a full disk', () => {
  test('waits for some, counts as one that waits, and then runs', async () => {
    await using held = new AsyncDisposableStack()
    const { executions, executionId, disk, clock } = await postponed(held)
    assert.deepEqual(executions.counts(), { waiting: 1, running: 0 })
    let isEmpty = false
    const none = executions.untilNone(NEVER).then(() => {
      isEmpty = true
    })
    await assert.rejects(executions.cancel(executionId), { code: 'storage_full', retryAfterMs: 5000 })
    assert.equal(isEmpty, false)
    await disk.free()
    const ended = executions.wait(executionId)
    await clock.advance(5000)
    const { status, stdout } = await ended
    assert.deepEqual([status, stdout], ['succeeded', 'once\n'])
    await none
  })

  test('is followed from before it is begun', async () => {
    await using held = new AsyncDisposableStack()
    const { executions, executionId, disk, clock } = await postponed(held)
    const { promise: opened, resolve: onOpened } = Promise.withResolvers<void>()
    const lines: string[] = []
    const followed = (async () => {
      for await (const { data } of executions.getLogStream({ executionId, follow: true, onOpened })) {
        lines.push(data.toString())
      }
    })()
    await opened
    await disk.free()
    await clock.advance(5000)
    await followed
    assert.deepEqual(lines, ['once\n'])
  })

  test('can be removed', async () => {
    await using held = new AsyncDisposableStack()
    const { executions, executionId, bench, disk } = await postponed(held)
    // A folder to throw things away in is all that it takes.
    await rm(join(disk.path, 'filler', '0'))
    await executions.remove(executionId)
    assert.equal(await bench.journal.find('test', executionId), undefined)
    assert.deepEqual(executions.counts(), { waiting: 0, running: 0 })
  })

  test('is still there when it could not be removed', async () => {
    await using held = new AsyncDisposableStack()
    const { executions, executionId, disk, clock } = await postponed(held)
    await assert.rejects(executions.remove(executionId), { code: 'storage_full' })
    assert.deepEqual(executions.counts(), { waiting: 1, running: 0 })
    await disk.free()
    const ended = executions.wait(executionId)
    await clock.advance(5000)
    assert.equal((await ended).status, 'succeeded')
  })

  test('that turns out to be unfit for this node ends, and its time is over some day', async () => {
    await using held = new AsyncDisposableStack()
    const { executions, executionId, bench, disk, clock } = await postponed(held)
    await disk.free()
    // Where its files should be, nothing can be made.
    const inTheWay = join(disk.path, 'executions')
    await rm(inTheWay, { recursive: true, force: true })
    await writeFile(inTheWay, '')
    await clock.advance(5000)
    await executions.waitForStatus(executionId, 'failed', 60_000)
    await rm(inTheWay)
    await clock.advance(DEFAULTS.retentionMs)
    const find = (): Promise<unknown> => bench.journal.find('test', executionId)
    for (let looks = 0; looks < 400 && (await find()) !== undefined; looks += 1) await sleep(5) // for the disk
    assert.equal(await find(), undefined)
  })
})
