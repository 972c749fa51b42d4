import assert from 'node:assert/strict'
import { access, copyFile, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { assertDescriptors, countDescriptors, refused } from './conformance-asserts.ts'
import type { ExecutorBench, ExecutorTest } from './conformance-bench.ts'

/** Forgetting one execution, or all. */
export const CLEANUP_TESTS: Record<string, ExecutorTest> = {
  async 'a removed execution is forgotten, with its files'(bench) {
    const { executionId, resultsDir } = await bench.run('print', ['out', '', '0'])
    await bench.executor.remove(executionId, 30_000, bench.signal)
    await refused(bench.wait(executionId), 'not_found')
    assert.deepEqual(await bench.executor.list(), [])
    await assert.rejects(access(resultsDir), { code: 'ENOENT' })
  },

  async 'removing what runs ends it, and nothing of it is left'(bench) {
    const executionId = await bench.startReady('stubborn')
    const waiting = bench.wait(executionId)
    await bench.executor.remove(executionId, 60_000, bench.signal)
    assert.equal((await waiting).status, 'cancelled')
    await bench.untilNoSandbox()
  },

  async 'an execution is forgotten some time after its end, when its request says so'(bench) {
    const { executionId } = await bench.run('print', ['', '', '0'], { retentionMs: 100 })
    while ((await bench.executor.list()).length > 0) await sleep(20, undefined, { signal: bench.signal })
    await refused(bench.wait(executionId), 'not_found')
  },

  async 'cleanup ends and removes everything of its own, and nothing of another executor'(bench) {
    const other = await bench.another()
    const request = bench.task('wait')
    await other.start(request, bench.signal)
    const running = await bench.startReady('wait')
    const { executionId: ended } = await bench.run('print', ['', '', '0'])
    const { removed, failed } = await bench.executor.cleanup(bench.signal)
    assert.deepEqual(failed, [])
    for (const id of [running, ended]) assert.ok(removed.includes(id), removed.join())
    assert.deepEqual(await bench.executor.list(), [])
    assert.equal(await other.getStatus(request.executionId), 'running')
    assert.deepEqual((await bench.executor.cleanup(bench.signal)).removed, [])
  },

  async 'cleanup removes what an earlier process of the same executor has left'(bench) {
    const executionId = await bench.startReady('wait')
    const later = await openLater(bench)
    assert.deepEqual(await later.list(), [])
    assert.deepEqual((await later.cleanup(bench.signal)).failed, [])
    const { status, reason } = await bench.wait(executionId)
    assert.deepEqual([status, reason], ['failed', 'container_removed'])
  },

  async 'an executor can be disposed while its work runs, and twice'(bench) {
    const other = await bench.another()
    await other.start(bench.task('stubborn'), bench.signal)
    await Promise.all([other[Symbol.asyncDispose](), other[Symbol.asyncDispose]()])
  },

  async 'two executors cannot have one folder at a time'(bench) {
    await refused(bench.another({ id: 'second', stateDir: join(bench.folder, 'state') }), 'storage_error')
  },
}

/** Sandboxes, folders, files and sockets, over many executions. */
export const LEAK_TESTS: Record<string, ExecutorTest> = {
  async 'what has ended holds nothing of the engine'(bench) {
    await bench.run('print', ['', '', '1'])
    await bench.untilNoSandbox()
  },

  async 'many executions of every kind of end leave nothing open'(bench) {
    await oneOfEachEnd(bench)
    const most = await countDescriptors()
    for (let round = 0; round < bench.rounds; round += 4) await oneOfEachEnd(bench)
    await bench.untilNoSandbox()
    await assertDescriptors(most)
  },

  async 'opening and disposing executors many times leaves nothing open'(bench) {
    await (await bench.another())[Symbol.asyncDispose]()
    const most = await countDescriptors()
    for (let round = 0; round < bench.rounds; round += 2) await (await bench.another())[Symbol.asyncDispose]()
    await assertDescriptors(most)
  },
}

async function oneOfEachEnd(bench: ExecutorBench): Promise<void> {
  const cancelled = bench.task('wait')
  const ends = await Promise.all([
    bench.run('print', ['out', '', '0']),
    bench.run('print', ['', 'err', '1']),
    bench.executor.run(bench.image(bench.images.lacksCommand), { signal: bench.signal }),
    cancelSoon(bench, cancelled.executionId, bench.executor.run(cancelled, { signal: bench.signal })),
  ])
  assert.deepEqual(
    ends.map(({ status }) => status),
    ['succeeded', 'failed', 'failed', 'cancelled'],
  )
  for (const { executionId } of ends) await bench.executor.remove(executionId)
}

async function cancelSoon<T>(bench: ExecutorBench, executionId: string, end: Promise<T>): Promise<T> {
  await bench.known(executionId)
  await bench.executor.cancel(executionId, { graceMs: 0, signal: bench.signal })
  return end
}

/** As the next process would, had the first one died: the same identity, and nothing remembered. */
async function openLater(bench: ExecutorBench): Promise<ExecutorBench['executor']> {
  const stateDir = join(bench.folder, 'later')
  await mkdir(stateDir, { mode: 0o700 })
  await copyFile(join(bench.folder, 'state', 'installation.json'), join(stateDir, 'installation.json'))
  return bench.another({ id: bench.executor.getId(), stateDir })
}
