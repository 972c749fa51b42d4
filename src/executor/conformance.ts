import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { before, describe, test } from 'node:test'
import { assertDescriptors, countDescriptors } from './conformance-asserts.ts'
import { ExecutorBench, type ExecutorTest, type ExecutorUnderTest } from './conformance-bench.ts'
import { FEATURES } from './conformance-features.ts'

export * from '../engine/conformance.ts'
export type { ExecutorImages, ExecutorUnderTest } from './conformance-bench.ts'

/**
 * Registers the tests that executors on every engine pass. Call it at the top of a test file; `testEngine`, the suite of
 * the port itself, comes before it. Each test opens an executor of its own and leaves nothing behind.
 */
export function testExecutor(subject: ExecutorUnderTest): void {
  const titles = Object.values(FEATURES).flatMap((tests) => Object.keys(tests))
  const reasons = skipReasons(subject, titles)
  describe(`the executor on ${subject.name}`, () => {
    // The first executor makes what a process makes once, such as the pool of threads.
    before(async () => runTest(subject, async (bench) => void (await bench.run('print', ['', '', '0'])), Infinity))
    for (const [feature, tests] of Object.entries(FEATURES)) {
      describe(feature, () => {
        for (const [title, run] of Object.entries(tests)) {
          test(title, { skip: reasons.get(title) ?? false }, async () => runTest(subject, run))
        }
      })
    }
  })
}

async function runTest(subject: ExecutorUnderTest, run: ExecutorTest, mostDescriptors?: number): Promise<void> {
  const most = mostDescriptors ?? (await countDescriptors())
  const folder = await mkdtemp(join(tmpdir(), 'errand-conformance-'))
  try {
    const bench = await ExecutorBench.open(subject, folder)
    await runOn(bench, run)
    await bench.assertNothingLeft()
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
  await assertDescriptors(most)
}

async function runOn(bench: ExecutorBench, run: ExecutorTest): Promise<void> {
  await using _bench = bench
  await run(bench)
}

function skipReasons(subject: ExecutorUnderTest, titles: readonly string[]): Map<string, string> {
  const reasons = new Map<string, string>()
  for (const { reason, tests } of subject.skip) {
    assert.notEqual(reason, '', `${subject.name} skips tests without a reason`)
    for (const title of tests) {
      assert.ok(titles.includes(title), `${subject.name} skips a test that does not exist: ${title}`)
      reasons.set(title, reason)
    }
  }
  return reasons
}
