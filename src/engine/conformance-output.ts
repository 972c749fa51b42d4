import assert from 'node:assert/strict'
import {
  type ConformanceTest,
  endedWith,
  joinOutput,
  OutputRecorder,
  PRINTED,
  readOutput,
} from './conformance-bench.ts'
import type { OutputChunk } from './engine.ts'

/** What sandboxes print, and how they end by themselves. */
export const OUTPUT_TESTS: Record<string, ConformanceTest> = {
  async 'an attachment made before the start sees every byte, and ends with the sandbox'(bench) {
    const ref = await bench.create(bench.images.prints)
    const output = new OutputRecorder()
    using attachment = await bench.engine.attach(ref, output.sink, bench.signal)
    await bench.engine.start(ref, bench.signal)
    await attachment.ended
    assert.deepEqual(output.bytes('stdout'), PRINTED.stdout)
    assert.deepEqual(output.bytes('stderr'), PRINTED.stderr)
  },

  async 'disposing an attachment ends it and leaves the sandbox running'(bench) {
    const ref = await bench.startReady(bench.images.waits)
    const attachment = await bench.engine.attach(ref, () => {}, bench.signal)
    attachment[Symbol.dispose]()
    await attachment.ended
    assert.equal((await bench.inspect(ref)).state, 'running')
  },

  async 'a sandbox that ends by itself tells its exit code'(bench) {
    const ref = await bench.create(bench.images.prints)
    await bench.engine.start(ref, bench.signal)
    const view = await bench.untilExited(ref)
    endedWith(view, PRINTED.exitCode)
    assert.equal(bench.engine.explainExit(PRINTED.exitCode, PRINTED.stderr.toString()), undefined)
  },

  async 'the output is still there after the end'(bench) {
    const ref = await bench.create(bench.images.prints)
    await bench.engine.start(ref, bench.signal)
    await bench.untilExited(ref)
    const chunks = await readOutput(bench.engine.output(ref, {}, bench.signal))
    assert.deepEqual(joinOutput(chunks, 'stdout'), PRINTED.stdout)
    assert.deepEqual(joinOutput(chunks, 'stderr'), PRINTED.stderr)
  },

  async 'only as many last lines come as were asked for'(bench) {
    const ref = await bench.create(bench.images.prints)
    await bench.engine.start(ref, bench.signal)
    await bench.untilExited(ref)
    const all = await readOutput(bench.engine.output(ref, {}, bench.signal))
    const last = await readOutput(bench.engine.output(ref, { lastLines: 1 }, bench.signal))
    const lengthOf = (chunks: typeof all): number => chunks.reduce((sum, { data }) => sum + data.length, 0)
    assert.ok(lengthOf(last) > 0 && lengthOf(last) < lengthOf(all))
    assert.deepEqual(await readOutput(bench.engine.output(ref, { lastLines: 0 }, bench.signal)), [])
  },

  async 'only what was printed since a moment comes'(bench) {
    const ref = await bench.create(bench.images.prints)
    await bench.engine.start(ref, bench.signal)
    await bench.untilExited(ref)
    const hourMs = 3_600_000
    const since = async (sinceMs: number): Promise<OutputChunk[]> =>
      readOutput(bench.engine.output(ref, { sinceMs }, bench.signal))
    assert.deepEqual(joinOutput(await since(Date.now() - hourMs), 'stdout'), PRINTED.stdout)
    assert.deepEqual(await since(Date.now() + hourMs), [])
  },

  async 'output that is followed goes on, and ends with the sandbox'(bench) {
    const ref = await bench.startReady(bench.images.waits)
    const chunks: OutputChunk[] = []
    for await (const chunk of bench.engine.output(ref, { follow: true }, bench.signal)) {
      chunks.push(chunk)
      if (joinOutput(chunks, 'stdout').equals(Buffer.from('ready\n'))) {
        await bench.engine.signal(ref, 'SIGTERM', bench.signal)
      }
    }
    assert.equal(joinOutput(chunks, 'stdout').toString(), 'ready\n')
    assert.equal((await bench.untilExited(ref)).state, 'exited')
  },

  async 'a command that does not exist is named as such'(bench) {
    const ref = await bench.create(bench.images.lacksCommand)
    const output = new OutputRecorder()
    using attachment = await bench.engine.attach(ref, output.sink, bench.signal)
    try {
      await bench.engine.start(ref, bench.signal)
    } catch (error) {
      assert.equal((error as { code?: unknown }).code, 'command_not_found')
      return
    }
    await attachment.ended
    const { exit } = await bench.untilExited(ref)
    const printed = output.bytes('stderr').toString()
    assert.equal(bench.engine.explainExit(exit?.exitCode ?? 0, printed), 'command_not_found', printed)
  },
}
