import assert from 'node:assert/strict'
import { createHash, randomFillSync } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { MIB } from '../../src/core/resources.ts'
import { scale } from '../support/scale.ts'
import { ShellExecutor } from '../support/shell-executor.ts'

const options = { timeout: 900_000 }
const FLOOD_BYTES = scale(64, 1024) * MIB
const LINE_BYTES = 64
/** Of the process that captures it, garbage included: it does not grow with what is printed. */
const MOST_GROWTH_BYTES = 150 * MIB
const SAMPLE_MS = 50

let shell: ShellExecutor
before(async () => {
  shell = await ShellExecutor.open()
}, options)
after(async () => shell[Symbol.asyncDispose]())

test(
  'F46: of a flood of output the first and the last MiB are kept, all of it is counted, and memory is bounded',
  options,
  async (t) => {
    const lines = FLOOD_BYTES / LINE_BYTES
    const flood = `exec awk -v n=${lines} 'BEGIN { for (i = 0; i < n; i++) printf "%063d\\n", i }'`
    const memory = watchMemory()
    const result = await shell.run(flood)
    const growth = memory.stop()
    t.diagnostic(`${FLOOD_BYTES / MIB} MiB printed: this process grew by ${Math.round(growth / MIB)} MiB`)
    assert.ok(growth < MOST_GROWTH_BYTES, `${growth} bytes more`)
    assert.deepEqual([result.status, result.logs.stdoutBytes], ['succeeded', FLOOD_BYTES])

    const { executionId } = result
    const before: Buffer[] = []
    const after: Buffer[] = []
    const gaps: (number | undefined)[] = []
    for await (const { data, gap } of shell.executor.getLogStream({ executionId })) {
      if (gap !== undefined) gaps.push(gap.bytes)
      else (gaps.length === 0 ? before : after).push(data)
    }
    const [head, tail] = [Buffer.concat(before), Buffer.concat(after)]
    assert.deepEqual(gaps, [result.logs.droppedBytes])
    assert.equal(head.length + tail.length + result.logs.droppedBytes, FLOOD_BYTES)
    assert.ok(head.equals(expected(0, head.length)), 'the beginning is what was printed')
    assert.ok(tail.equals(expected(FLOOD_BYTES - tail.length, tail.length)), 'the end is what was printed')
    assert.ok(head.length > 0.9 * MIB && head.length <= MIB, `${head.length} bytes of the beginning`)
    assert.ok(tail.length > 0.4 * MIB && tail.length <= MIB, `${tail.length} bytes of the end`)
  },
)

test('F47: a line of 50 MB with NULs and no UTF-8 comes through byte by byte', options, async () => {
  const data = randomFillSync(Buffer.alloc(50_000_000)).map((byte) => (byte === 10 ? 0 : byte))
  const source = join(shell.folder, 'line')
  await writeFile(source, data, { mode: 0o644 })
  const inputs = [{ type: 'bind', source, target: '/line' }] as const
  const { executionId, logs } = await shell.run('exec cat /line', { inputs, limits: { logBytes: 128 * MIB } })
  assert.deepEqual(logs, { stdoutBytes: data.length, stderrBytes: 0, droppedBytes: 0, gaps: 0 })
  const hash = createHash('sha256')
  for await (const entry of shell.executor.getLogStream({ executionId })) hash.update(entry.data)
  assert.equal(hash.digest('hex'), createHash('sha256').update(data).digest('hex'))
})

/** What the flood prints from one byte on. */
function expected(from: number, length: number): Buffer {
  const first = Math.floor(from / LINE_BYTES)
  const count = Math.ceil(length / LINE_BYTES) + 1
  const lines = Array.from({ length: count }, (_, index) => `${String(first + index).padStart(LINE_BYTES - 1, '0')}\n`)
  return Buffer.from(lines.join('')).subarray(from % LINE_BYTES, (from % LINE_BYTES) + length)
}

/** How much this process grows at most until `stop`, in bytes. */
function watchMemory(): { stop(): number } {
  const start = process.memoryUsage.rss()
  let most = start
  const timer = setInterval(() => {
    most = Math.max(most, process.memoryUsage.rss())
  }, SAMPLE_MS)
  return {
    stop() {
      clearInterval(timer)
      return most - start
    },
  }
}
