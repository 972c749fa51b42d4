import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { LogEntry } from '../logs/log-entry.ts'
import { bytesOf, refused } from './conformance-asserts.ts'
import type { ExecutorTest } from './conformance-bench.ts'
import { ALL_BYTES, octal } from './conformance-programs.ts'

const READERS = 10
const KIB = 1024

/** Output, for everybody who reads it, at any time. */
export const LOG_TESTS: Record<string, ExecutorTest> = {
  async 'every byte comes as it was printed'(bench) {
    const { executionId } = await bench.run('bytes', [octal(Buffer.concat([ALL_BYTES, ALL_BYTES]))])
    const entries = await bench.log(executionId)
    assert.deepEqual(bytesOf(entries, 'stdout'), Buffer.concat([ALL_BYTES, ALL_BYTES]))
  },

  async 'a reader from before the start sees the first byte and the last, and ends by itself'(bench) {
    const request = bench.task('tick', ['2'])
    const started = bench.executor.start(request, bench.signal)
    await bench.known(request.executionId)
    const entries = await bench.log(request.executionId, { follow: true })
    await started
    assert.equal(bytesOf(entries, 'stdout').toString(), 'tick 1\ntick 2\n')
  },

  async 'history and what follows come without a seam, to every one of several readers'(bench) {
    const executionId = await bench.start('tick', ['3'])
    await bench.printed(executionId, 'tick 1\n')
    const logs = await Promise.all(Array.from({ length: READERS }, () => bench.log(executionId, { follow: true })))
    for (const entries of logs) assert.equal(bytesOf(entries, 'stdout').toString(), 'tick 1\ntick 2\ntick 3\n')
  },

  async 'places are gap-free, and a reader can go on after the last one it had'(bench) {
    const { executionId } = await bench.run('print', ['out', 'err', '0'])
    const entries = await bench.log(executionId)
    assert.deepEqual(
      entries.map(({ seq }) => seq),
      entries.map((_entry, index) => index + 1),
    )
    const [first, ...rest] = entries
    assert.deepEqual(await bench.log(executionId, { sinceSeq: first?.seq ?? 0 }), rest)
    assert.deepEqual(await bench.log(executionId, { sinceMs: Date.now() + 60_000 }), [])
  },

  async 'one stream can be read alone'(bench) {
    const { executionId } = await bench.run('print', ['out', 'err', '0'])
    const streams = new Set((await bench.log(executionId, { stream: 'stderr' })).map(({ stream }) => stream))
    assert.deepEqual([...streams], ['stderr'])
  },

  async 'tail gives the last lines alone, or no history at all'(bench) {
    const { executionId } = await bench.run('print', ['1\n2\n3\n', '', '0'])
    const textOf = (entries: readonly LogEntry[]): string => bytesOf(entries, 'stdout').toString()
    assert.equal(textOf(await bench.log(executionId, { tail: 2 })), '2\n3\n')
    assert.equal(textOf(await bench.log(executionId, { tail: 0 })), '')
    assert.equal(textOf(await bench.log(executionId, { tail: 100 })), '1\n2\n3\n')
    assert.equal(textOf(await bench.log(executionId, { tail: true })), '')
    assert.equal(textOf(await bench.log(executionId, { tail: false })), '1\n2\n3\n')
  },

  async 'a reader without history gets all that comes after it'(bench) {
    const executionId = await bench.start('tick', ['3'])
    await bench.printed(executionId, 'tick 1\n')
    const text = bytesOf(await bench.log(executionId, { follow: true, tail: true }), 'stdout').toString()
    assert.ok('tick 1\ntick 2\ntick 3\n'.endsWith(text) && text.endsWith('tick 3\n'), JSON.stringify(text))
  },

  async 'a reader that does not follow ends where the log is now'(bench) {
    const executionId = await bench.startReady('wait')
    assert.equal(bytesOf(await bench.log(executionId), 'stdout').toString(), 'ready\n')
  },

  async 'a reader that gives up gets its own reason, and stops nothing'(bench) {
    const executionId = await bench.startReady('wait')
    const leaving = new AbortController()
    const reading = bench.log(executionId, { follow: true, signal: leaving.signal })
    const reason = new Error('given up')
    leaving.abort(reason)
    await assert.rejects(reading, reason)
    assert.equal(await bench.executor.getStatus(executionId), 'running')
  },

  async 'of more output than may be kept, the beginning and the end are, and the rest is counted'(bench) {
    const { executionId, logs, status } = await bench.run('flood', [`${512 * KIB}`], { limits: { logBytes: 64 * KIB } })
    assert.deepEqual([status, logs.stdoutBytes, logs.stderrBytes], ['succeeded', 512 * KIB, 0])
    assert.ok(logs.droppedBytes > 0)
    const entries = await bench.log(executionId)
    const gap = entries.find((entry) => entry.gap !== undefined)?.gap
    assert.deepEqual([gap?.cause, gap?.bytes], ['limit', logs.droppedBytes])
    const kept = bytesOf(entries, 'stdout').length
    assert.equal(kept + logs.droppedBytes, 512 * KIB)
    assert.ok(kept <= 64 * KIB && kept >= 16 * KIB, `${kept} bytes are kept`)
    assert.ok((await bench.wait(executionId)).stdout.length < 70 * KIB)
  },

  async 'output is in files for people while the task runs, and after it'(bench) {
    const executionId = await bench.startReady('wait')
    const { resultsDir } = await bench.executor.getInfo(executionId)
    while ((await readFile(join(resultsDir, 'stdout.log'), 'utf8')) !== 'ready\n') {
      await sleep(20, undefined, { signal: bench.signal })
    }
    await bench.executor.cancel(executionId, { signal: bench.signal })
    assert.equal(await readFile(join(resultsDir, 'stdout.log'), 'utf8'), 'ready\n')
    assert.equal(await readFile(join(resultsDir, 'stderr.log'), 'utf8'), '')
  },

  async 'a log goes with its execution'(bench) {
    const { executionId } = await bench.run('print', ['out', '', '0'])
    await bench.executor.remove(executionId)
    await refused(bench.log(executionId), 'not_found')
  },
}
