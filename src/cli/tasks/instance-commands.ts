import type { InstanceView } from '../../client/client.ts'
import type { ContextFlags } from '../context/resolve-context.ts'
import { forEach, showId } from '../for-each.ts'
import { formatBytes, formatDuration } from '../output/format.ts'
import { printJsonLine } from '../output/json.ts'
import { shortImage } from '../output/short-image.ts'
import { type Column, table } from '../output/table.ts'
import type { Terminal } from '../terminal.ts'
import { withClient } from '../with-client.ts'

export interface InstancesFlags extends ContextFlags {
  readonly json?: boolean
}

const COLUMNS: readonly Column<InstanceView>[] = [
  { title: 'ID', value: ({ id }) => id, cutFirst: 0 },
  { title: 'TASK', value: ({ task, image }) => task ?? shortImage(image.reference), cutFirst: 1 },
  { title: 'STATE', value: ({ state }) => state },
  { title: 'ANSWERED', value: ({ answered }) => `${answered}`, align: 'right' },
  { title: 'IDLE', value: ({ idleMs }) => formatDuration(idleMs), align: 'right' },
  { title: 'MEMORY', value: ({ resources }) => formatBytes(resources.memory), align: 'right' },
]

/** Prints warm instances. */
export async function listInstances(flags: InstancesFlags, terminal: Terminal): Promise<void> {
  const found = await withClient(flags, terminal, ({ instances }) => instances.list())
  if (flags.json === true) for (const instance of found) printJsonLine(terminal.stdout, instance)
  else terminal.stdout.write(table(COLUMNS, found, terminal.stdout))
}

/** Gives instances no more requests; they go when they have answered those that they have. */
export async function evictInstances(ids: readonly string[], flags: InstancesFlags, terminal: Terminal): Promise<void> {
  await forEach(ids, flags, terminal, {
    act: ({ instances }, id, signal) => instances.remove(id, { signal }),
    show: showId(flags, (_removed, id) => ({ evicted: id })),
  })
}
