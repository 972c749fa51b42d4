import type { ErrandClient, StatsView } from '../../client/client.ts'
import { ErrandError } from '../../core/errors.ts'
import { type LiveFlags, showLive } from '../live.ts'
import { formatBytes, formatPercent } from '../output/format.ts'
import { jsonLines } from '../output/json.ts'
import { type Column, table } from '../output/table.ts'
import type { Terminal } from '../terminal.ts'
import type { OneFlags } from './flags.ts'

interface Row {
  readonly id: string
  readonly stats: StatsView
}

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

/** Shows what running executions use, or those that are named. */
export async function showStats(
  ids: readonly string[],
  { json, ...flags }: LiveFlags & OneFlags,
  terminal: Terminal,
): Promise<void> {
  const { stdout } = terminal
  await showLive({ ...flags, once: json === true || flags.once === true }, terminal, async (client, signal) => {
    const rows = await rowsOf(client, ids, signal)
    return json === true ? jsonLines(rows.map(({ id, stats }) => ({ id, ...stats }))) : table(COLUMNS, rows, stdout)
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
