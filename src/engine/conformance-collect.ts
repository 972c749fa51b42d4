import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { extract } from 'tar-stream'
import { type ConformanceBench, type ConformanceTest, FILE, FOLDER, PRINTED, refused } from './conformance-bench.ts'
import type { SandboxRef } from './engine.ts'

/** Files out of sandboxes, in any state. */
export const COLLECT_TESTS: Record<string, ConformanceTest> = {
  async 'a file is collected byte by byte, under its own name'(bench) {
    if (!(await bench.engine.probe(bench.signal)).canCollect) return
    const ref = await bench.startReady(bench.images.waits)
    const collected = await collect(bench, ref, `${FOLDER}/${FILE}`)
    assert.deepEqual(collected, new Map([[FILE, PRINTED.stdout]]))
  },

  async 'a folder is collected with what it holds, before the start and after the end'(bench) {
    if (!(await bench.engine.probe(bench.signal)).canCollect) return
    const created = await bench.create(bench.images.waits)
    const running = await bench.startReady(bench.images.waits)
    await bench.engine.signal(running, 'SIGKILL', bench.signal)
    await bench.untilExited(running)
    for (const ref of [created, running]) {
      const collected = await collect(bench, ref, FOLDER)
      assert.deepEqual([...collected.keys()].toSorted(), [`${FOLDER.slice(1)}/`, `${FOLDER.slice(1)}/${FILE}`])
      assert.deepEqual(collected.get(`${FOLDER.slice(1)}/${FILE}`), PRINTED.stdout)
    }
  },

  async 'what is not there cannot be collected'(bench) {
    if (!(await bench.engine.probe(bench.signal)).canCollect) return
    const ref = await bench.create(bench.images.waits)
    await refused(collect(bench, ref, '/no/such/path'), 'not_found')
    await refused(collect(bench, { name: 'errand-conformance-absent', id: '0'.repeat(64) }, FOLDER), 'not_found')
  },
}

/** Names in the archive, those of folders with a slash at the end, and contents. */
async function collect(bench: ConformanceBench, ref: SandboxRef, path: string): Promise<Map<string, Buffer>> {
  const found = new Map<string, Buffer>()
  const archive = extract()
  const reading = (async () => {
    for await (const entry of archive) {
      const { name, type } = entry.header
      found.set(type === 'directory' ? `${name.replace(/\/$/, '')}/` : name, await buffer(entry))
    }
  })()
  await Promise.all([pipeline(Readable.from(bench.engine.collect(ref, path, bench.signal)), archive), reading])
  return found
}
