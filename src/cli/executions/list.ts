import type { ExecutionView } from '../../client/client.ts'
import { isTerminal } from '../../core/execution.ts'
import { printListing } from '../listing.ts'
import { formatDuration } from '../output/format.ts'
import { shortImage } from '../output/short-image.ts'
import type { Style } from '../output/style.ts'
import type { Column } from '../output/table.ts'
import type { Terminal } from '../terminal.ts'
import { withClient } from '../with-client.ts'
import { readFilters } from './filters.ts'
import type { ListFlags } from './flags.ts'

/** Prints executions, the youngest first. @throws validation_failed */
export async function listExecutions(flags: ListFlags, terminal: Terminal): Promise<void> {
  const wanted = readFilters(flags)
  await withClient(flags, terminal, ({ executions }) => {
    const rows = (limit: number) => executions.list({ ...wanted, limit })
    return printListing({ rows, columns: columnsAt(Date.now()) }, flags, terminal)
  })
}

function columnsAt(nowMs: number): Column<ExecutionView>[] {
  return [
    { title: 'ID', value: ({ id }) => id, cutFirst: 0 },
    { title: 'STATUS', value: describeStatus, style: styleOf, cutFirst: 1 },
    { title: 'IMAGE', value: ({ image }) => (image === undefined ? '-' : shortImage(image.reference)), cutFirst: 2 },
    { title: 'AGE', value: ({ times }) => formatDuration(nowMs - (timeOf(times.accepted) ?? nowMs)), align: 'right' },
    { title: 'RAN', value: ({ times }) => formatDuration(ranMs(times, nowMs)), align: 'right' },
  ]
}

/** `succeeded`, `failed (oom)`, `failed (3)`. */
export function describeStatus({ status, reason, exitCode }: ExecutionView): string {
  const why = reason === 'exit_nonzero' ? exitCode : reason
  return why === undefined ? status : `${status} (${why})`
}

export function styleOf({ status }: ExecutionView): Style | undefined {
  if (status === 'succeeded') return 'green'
  if (status === 'running') return 'cyan'
  return isTerminal(status) ? 'red' : undefined
}

export function ranMs({ running, ended }: ExecutionView['times'], nowMs: number): number | undefined {
  const startMs = timeOf(running)
  return startMs === undefined ? undefined : (timeOf(ended) ?? nowMs) - startMs
}

function timeOf(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Date.parse(text)
}
