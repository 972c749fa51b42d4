import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ErrandError } from '../core/errors.ts'
import { settle } from '../core/manual-clock.ts'
import type { FakeProcess, FakeScript } from '../engine/fake/fake-engine.ts'
import { diskLimit } from './disk-limit.ts'
import { DISK_PERIOD_MS } from './disk-watch.ts'
import { diedError } from './exit-errors.ts'
import { coded, DISK_BYTES, InstancesBench, MARK, until } from './instances-bench.fixture.ts'

const options = { timeout: 30_000 }
const LIMITS = { memoryBytes: 1 }

/** Writes as it starts, and runs on. */
function writing(fill: (process: FakeProcess) => void): FakeScript {
  return {
    run: async (process) => {
      fill(process)
      await process.untilSignal('SIGUSR2')
      return 0
    },
  }
}

function write(process: FakeProcess, bytes: number): void {
  process.write('/big', { kind: 'zeros', bytes })
}

function tooMuch(process: FakeProcess): void {
  write(process, DISK_BYTES + 1)
}

describe('an instance that writes more to its disk than it may', options, () => {
  test('is killed at the next look, and says why', async () => {
    await using bench = await InstancesBench.open()
    const { instance } = await bench.ready(writing(tooMuch))
    await bench.clock.advance(DISK_PERIOD_MS)
    const exit = await instance.exited
    assert.deepEqual([exit.exitCode, exit.wasStopped], [137, false])
    const { code, message, details } = diedError(exit, LIMITS)
    assert.equal(code, 'task_exited')
    assert.match(message, /exit code 137 \(it wrote more to its disk than its limit: 1 MiB\)$/)
    const limits = { diskLimitBytes: DISK_BYTES, diskLimitFiles: diskLimit(DISK_BYTES).inodes }
    const { log: _log, ...facts } = details
    assert.deepEqual(facts, {
      exitCode: 137,
      oomKilled: false,
      reason: 'disk_limit',
      diskUsedBytes: DISK_BYTES + 1,
      diskUsedFiles: 1,
      ...limits,
    })
    await instance.stop(0)
  })

  test('is told by their number when it was its files that were too many', async () => {
    await using bench = await InstancesBench.open()
    const many = diskLimit(DISK_BYTES).inodes + 1
    const { instance } = await bench.ready(
      writing((process) => {
        for (let index = 0; index < many; index += 1) process.write(`/${index}`, '')
      }),
    )
    await bench.clock.advance(DISK_PERIOD_MS)
    const { message } = diedError(await instance.exited, LIMITS)
    assert.match(message, /its limit: 10000 files/)
    await instance.stop(0)
  })

  test('fails its start when it does so before it is ready', async () => {
    await using bench = await InstancesBench.open()
    const { instance, lease } = bench.launch({
      ...writing(tooMuch),
      mark: MARK,
      isNeverReady: true,
    })
    const failed = assert.rejects(instance, (error) => {
      assert.ok(error instanceof ErrandError && coded('task_exited')(error))
      assert.equal(error.details.reason, 'disk_limit')
      return true
    })
    await until(() => bench.engine.calls.start === 1)
    await settle()
    await bench.clock.advance(DISK_PERIOD_MS)
    await failed
    assert.equal(lease.releases, 1)
  })

  test('is killed at a later look when the engine did not hear the first time', async () => {
    await using bench = await InstancesBench.open()
    const { instance } = await bench.ready(writing(tooMuch))
    bench.engine.failNext('signal', new ErrandError('engine_unavailable', 'no answer'))
    await bench.clock.advance(DISK_PERIOD_MS)
    assert.deepEqual([bench.engine.calls.signal, instance.state], [1, 'stopping'])
    await bench.clock.advance(DISK_PERIOD_MS)
    assert.ok((await instance.exited).overrun)
    await instance.stop(0)
  })

  test('is not said to have done so when it ended for another reason', async () => {
    await using bench = await InstancesBench.open()
    const { instance, name } = await bench.ready(writing(tooMuch))
    bench.engine.crash(name, 3)
    await bench.clock.advance(DISK_PERIOD_MS)
    const exit = await instance.exited
    assert.deepEqual([exit.exitCode, exit.overrun], [3, undefined])
    await instance.stop(0)
  })
})

test('an instance within its limit is left alone, and looked at until it is gone', options, async () => {
  await using bench = await InstancesBench.open()
  const { instance } = await bench.ready(writing((process) => write(process, DISK_BYTES)))
  await bench.clock.advance(3 * DISK_PERIOD_MS)
  assert.deepEqual([bench.engine.calls.diskUsage, instance.state], [3, 'ready'])
  await instance.stop(0)
  await bench.clock.advance(3 * DISK_PERIOD_MS)
  assert.equal(bench.engine.calls.diskUsage, 3)
})
