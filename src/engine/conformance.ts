import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { ConformanceBench, type ConformanceImages, type TagImage } from './conformance-bench.ts'
import { COLLECT_TESTS } from './conformance-collect.ts'
import { EXEC_TESTS } from './conformance-exec.ts'
import { IMAGE_TESTS } from './conformance-images.ts'
import { LIFECYCLE_TESTS } from './conformance-lifecycle.ts'
import { OUTPUT_TESTS } from './conformance-output.ts'
import { USAGE_TESTS } from './conformance-usage.ts'
import type { Engine } from './engine.ts'

export { type ConformanceImages, FILE, FOLDER, PRINTED, SERVED } from './conformance-bench.ts'

/** What the suite needs to know of the engine under test. */
export interface EngineUnderTest {
  readonly name: string
  /** Opens an engine of its own for the suite, which disposes it. */
  open(signal: AbortSignal): Promise<Engine>
  /** Makes the images ready; called once, after `open`. */
  images(engine: Engine): Promise<ConformanceImages>
  /** Needed by the tests about names of images. */
  readonly tag?: TagImage
  /** What the disposed engine has left on the host, one name each. Absent where there is nothing it could leave. */
  leftovers?(): Promise<readonly string[]>
  /** Titles of tests that this engine cannot pass, and why. */
  readonly skip: readonly { readonly reason: string; readonly tests: readonly string[] }[]
}

const OPEN_DEADLINE_MS = 60_000

/** Registers the tests that every engine passes. Call it at the top of a test file. */
export function testEngine(subject: EngineUnderTest): void {
  const tests = Object.entries({
    ...LIFECYCLE_TESTS,
    ...OUTPUT_TESTS,
    ...EXEC_TESTS,
    ...USAGE_TESTS,
    ...COLLECT_TESTS,
    ...IMAGE_TESTS,
  })
  const reasons = skipReasons(
    subject,
    tests.map(([title]) => title),
  )

  describe(`the engine ${subject.name}`, () => {
    const opened = Promise.withResolvers<{ engine: Engine; images: ConformanceImages }>()
    before(async () => {
      const engine = await subject.open(AbortSignal.timeout(OPEN_DEADLINE_MS))
      try {
        opened.resolve({ engine, images: await subject.images(engine) })
      } catch (error) {
        await engine[Symbol.asyncDispose]()
        throw error
      }
    })
    after(async () => (await opened.promise).engine[Symbol.asyncDispose]())

    for (const [title, run] of tests) {
      test(title, { skip: reasons.get(title) ?? false }, async () => {
        const { engine, images } = await opened.promise
        await using bench = new ConformanceBench(engine, images, subject.tag)
        await run(bench)
      })
    }
    test('leaves nothing behind when disposed, however often', async () => {
      const { engine } = await opened.promise
      await engine[Symbol.asyncDispose]()
      await engine[Symbol.asyncDispose]()
      assert.deepEqual(await subject.leftovers?.(), subject.leftovers && [])
    })
  })
}

function skipReasons(subject: EngineUnderTest, titles: readonly string[]): Map<string, string> {
  const reasons = new Map<string, string>()
  for (const { reason, tests } of subject.skip) {
    for (const title of tests) {
      assert.ok(titles.includes(title), `${subject.name} skips a test that does not exist: ${title}`)
      reasons.set(title, reason)
    }
  }
  return reasons
}
