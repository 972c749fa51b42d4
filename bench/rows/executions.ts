import { ensureImage } from '../../examples/tasks/offline/sample-images.ts'
import type { Row } from '../measurement.ts'
import { runByHand } from '../support/engine-api.ts'
import { BenchExecutor } from '../support/executor.ts'
import { interleave, median, pairwise, spread } from '../support/statistics.ts'

/** How many run at once: more than there are cores here keeps the Engine busy all the time. */
const CONCURRENCY = 4

/** Executions that do nothing, from request to result, against the same calls made by hand. */
export const executions: Row = {
  name: 'P13',
  title: 'no-op executions per second, end to end',
  async measure({ dist, isQuick, signal, say }) {
    const image = await ensureImage('busybox')
    await using bench = await BenchExecutor.open(dist, signal)
    const { executor } = bench
    const request = {
      engineSpec: { type: 'docker', params: { image, cmd: ['true'] } },
      resources: { cpu: 0.5, memoryBytes: 64 * 2 ** 20 },
      retentionMs: 0,
    }
    const count = isQuick ? 8 : 40
    const passes = await interleave(isQuick ? 1 : 5, {
      byHand: () => perSecond(count, () => runByHand({ image, cmd: ['true'] })),
      errand: async () => {
        say('a pass of executions')
        return perSecond(count, async () => {
          const { status } = await executor.run(request, { signal })
          if (status !== 'succeeded') throw new Error(`an execution ended as ${status}`)
        })
      },
    })
    const ratios = pairwise(passes.errand, passes.byHand, (a, b) => a / b)
    return [
      {
        row: 'P13',
        what: `busybox true, network none, ${CONCURRENCY} at a time`,
        unit: '/s',
        value: median(passes.errand),
        floor: { what: 'Engine API: create, start, wait, remove', value: median(passes.byHand) },
        ratio: median(ratios),
        spread: spread(ratios),
        bound: { of: 'ratio', sense: 'at least', must: 0.9, moonshot: 0.97 },
      },
    ]
  },
}

async function perSecond(count: number, work: () => Promise<void>): Promise<number> {
  const startedMs = performance.now()
  let left = count
  const worker = async (): Promise<void> => {
    while (left > 0) {
      left -= 1
      await work()
    }
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, worker))
  return (count * 1000) / (performance.now() - startedMs)
}
