import { ensureImage } from '../../examples/tasks/offline/sample-images.ts'
import type { Row } from '../measurement.ts'
import { followedBytes, runByHand } from '../support/engine-api.ts'
import { BenchExecutor } from '../support/executor.ts'
import { interleave, median, pairwise, spread } from '../support/statistics.ts'

const MIB = 2 ** 20

/** Everything that a task prints, captured and read by a follower, against `docker logs --follow`. */
export const logCapture: Row = {
  name: 'P15',
  title: 'log capture and streaming',
  async measure({ dist, isQuick, signal, say }) {
    const image = await ensureImage('busybox')
    await using bench = await BenchExecutor.open(dist, signal)
    const bytes = (isQuick ? 16 : 128) * MIB
    const cmd = [
      'sh',
      '-c',
      `yes 'a line of a log, as long as many lines of logs are, seventy bytes or so' | head -c ${bytes}`,
    ]
    const mostRss: number[] = []
    const passes = await interleave(isQuick ? 1 : 5, {
      docker: () => rate(bytes, () => runByHand({ image, cmd }, async (id) => void (await followedBytes(id)))),
      errand: async () => {
        say('a pass of output')
        return rate(bytes, async () => mostRss.push(await followOurs(bench, { image, cmd }, bytes, signal)))
      },
    })
    const ratios = pairwise(passes.errand, passes.docker, (a, b) => a / b)
    return [
      {
        row: 'P15',
        what: `${bytes / MIB} MiB of lines, run, captured and followed`,
        unit: 'MiB/s',
        value: median(passes.errand),
        floor: { what: 'Engine API: run and logs?follow=1', value: median(passes.docker) },
        ratio: median(ratios),
        spread: spread(ratios),
        bound: { of: 'ratio', sense: 'at least', must: 1, moonshot: 2 },
        notes: [`most memory of this process: ${Math.max(...mostRss).toFixed(0)} MiB, follower included`],
      },
    ]
  },
}

async function rate(bytes: number, work: () => Promise<unknown>): Promise<number> {
  const startedMs = performance.now()
  await work()
  return bytes / MIB / ((performance.now() - startedMs) / 1000)
}

/** Runs it, follows it to its end, sees that every byte came, and tells the most memory held meanwhile, in MiB. */
async function followOurs(
  { executor }: BenchExecutor,
  params: { readonly image: string; readonly cmd: readonly string[] },
  bytes: number,
  signal: AbortSignal,
): Promise<number> {
  const executionId = `log-${Math.round(performance.now())}`
  await executor.start(
    {
      executionId,
      engineSpec: { type: 'docker', params },
      resources: { memoryBytes: 64 * MIB },
      limits: { logBytes: 3 * bytes },
    },
    signal,
  )
  let [seen, most] = [0, 0]
  for await (const { data } of executor.getLogStream({ executionId, follow: true, signal })) {
    seen += data.length
    most = Math.max(most, process.memoryUsage.rss())
  }
  if (seen !== bytes) throw new Error(`followed ${seen} bytes of ${bytes}`)
  await executor.remove(executionId)
  return most / MIB
}
