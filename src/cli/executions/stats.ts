import type { ErrandClient, StatsView } from '../../client/client.ts'
import { clientClock } from '../../client/client-clock.ts'
import { ErrandError } from '../../core/errors.ts'
import { sleep } from '../../core/wait.ts'
import { formatBytes, formatPercent } from '../output/format.ts'
import { printJsonLine } from '../output/json.ts'
import { LiveView } from '../output/live-view.ts'
import { type Column, table } from '../output/table.ts'
import { StopSignals } from '../stop-signals.ts'
import type { Terminal } from '../terminal.ts'
import { withClient } from '../with-client.ts'
import type { OneFlags } from './execution-commands.ts'

interface Row {
  readonly id: string
  readonly stats: StatsView
}

const PERIOD_MS = 1000

const COLUMNS: readonly Column<Row>[] = [
  { title: 'ID', value: ({ id }) => id, cutFirst: 1 },
  { title: 'CPU', value: ({ stats }) => formatPercent(stats.cpu.percent / 100), align: 'right' },
  { title: 'MEMORY', value: ({ stats: { memory } }) => `${formatBytes(memory.usage)} / ${formatBytes(memory.limit)}` },
  {
    title: 'NET IN/OUT',
    value: ({ stats: { network } }) => `${formatBytes(network.rx.bytes)} / ${formatBytes(network.tx.bytes)}`,
  },
  { title: 'PIDS', value: ({ stats }) => `${stats.pids}`, align: 'right' },
]

/** Shows what running executions use: again and again on a terminal, until Ctrl-C, else once. */
export async function showStats(
  ids: readonly string[],
  flags: OneFlags & { readonly once?: boolean },
  terminal: Terminal,
): Promise<void> {
  const { stdout } = terminal
  using signals = new StopSignals(terminal.signals, true)
  const { signal } = signals
  await withClient(flags, terminal, async (client) => {
    if (flags.json === true) {
      for (const { id, stats } of await rowsOf(client, ids, signal)) printJsonLine(stdout, { id, ...stats })
      return
    }
    using view = new LiveView(stdout)
    for (;;) {
      view.show(table(COLUMNS, await rowsOf(client, ids, signal), stdout))
      if (flags.once === true || !stdout.isTTY) return
      await sleep(clientClock, PERIOD_MS, signal)
    }
  }).catch((error: unknown) => {
    // To end it is how one leaves it.
    if (!signal.aborted) throw error
  })
}

async function rowsOf({ executions }: ErrandClient, ids: readonly string[], signal: AbortSignal): Promise<Row[]> {
  const wanted = ids.length > 0 ? ids : await running(executions, signal)
  const rows = await Promise.all(
    wanted.map(async (id) => {
      try {
        return [{ id, stats: await executions.stats(id, { signal }) }]
      } catch (error) {
        // One that was found to run may have ended since; one that was named is told of.
        if (ids.length === 0 && error instanceof ErrandError && GONE.has(error.code)) return []
        throw error
      }
    }),
  )
  return rows.flat()
}

const GONE: ReadonlySet<string> = new Set(['already_ended', 'not_found', 'not_ready'])

async function running(executions: ErrandClient['executions'], signal: AbortSignal): Promise<string[]> {
  const ids: string[] = []
  for await (const { id } of executions.list({ status: ['running', 'paused'], signal })) ids.push(id)
  return ids
}
