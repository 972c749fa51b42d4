import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { Row } from '../measurement.ts'
import { BenchFolder, bareCommits, benchRecord, openJournal } from '../support/journal.ts'
import { interleave, median, pairwise, spread } from '../support/statistics.ts'

/** Callers that wait for their execution to be durable before they hand in the next. */
const CONCURRENCY = 64

/** How many executions a second are accepted for good, against one commit each. */
export const accepts: Row = {
  name: 'P12',
  title: 'durable executions accepted per second',
  async measure({ dist, isQuick, say }) {
    await using folder = await BenchFolder.make()
    const count = isQuick ? 2000 : 20_000
    const delaysMs: number[] = []
    let files = 0
    const newFile = (): string => {
      files += 1
      return join(folder.path, `${files}.db`)
    }
    const ours = (changes: number) => async (): Promise<number> => {
      say(`a pass of ${count} executions, ${changes} commits each`)
      const { perSecond, delayMs } = await acceptMany(dist, newFile(), count, changes)
      delaysMs.push(delayMs)
      return perSecond
    }
    const passes = await interleave(isQuick ? 1 : 5, {
      bare: async () => bareCommits(newFile(), count / 10),
      accepted: ours(1),
      settled: ours(2),
    })
    const floor = { what: 'node:sqlite, the same pragmas, a commit each', value: median(passes.bare) }
    const figures = { 'accepted, durably': passes.accepted, 'accepted and settled, durably': passes.settled } as const
    const notes = [`most that the event loop of the caller was held up: ${Math.max(...delaysMs).toFixed(1)} ms`]
    return Object.entries(figures).map(([what, values]) => ({
      row: 'P12',
      what: `${what}, ${CONCURRENCY} at a time`,
      unit: '/s' as const,
      value: median(values),
      floor,
      ratio: median(pairwise(values, passes.bare, (a, b) => a / b)),
      spread: spread(values),
      ...(values === passes.accepted && {
        bound: { of: 'value', sense: 'at least', must: 2000, moonshot: 10_000 } as const,
        notes,
      }),
    }))
  },
}

async function acceptMany(
  dist: string,
  file: string,
  count: number,
  changes: number,
): Promise<{ readonly perSecond: number; readonly delayMs: number }> {
  await using journal = await openJournal(dist, file)
  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  let next = 0
  const startedMs = performance.now()
  const caller = async (): Promise<void> => {
    while (next < count) {
      next += 1
      const id = `id-${next}`
      await journal.insert(benchRecord(id))
      if (changes > 1) await journal.save(benchRecord(id, 'succeeded'))
    }
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, caller))
  const perSecond = (count * 1000) / (performance.now() - startedMs)
  delay.disable()
  return { perSecond, delayMs: delay.max / 1e6 }
}
