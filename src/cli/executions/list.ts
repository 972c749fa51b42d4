import type { ErrandClient, ExecutionView } from '../../client/client.ts'
import { isTerminal } from '../../core/execution.ts'
import { malformed, readWholeNumber } from '../flag-values.ts'
import { formatDuration } from '../output/format.ts'
import { printJsonLine } from '../output/json.ts'
import { shortImage } from '../output/short-image.ts'
import type { Style } from '../output/style.ts'
import { type Column, table } from '../output/table.ts'
import type { Terminal } from '../terminal.ts'
import { withClient } from '../with-client.ts'
import { readFilters } from './filters.ts'
import type { ListFlags } from './flags.ts'

type Views = ReturnType<ErrandClient['executions']['list']>

const PAGE = 200
/** What a screen shows unless more is asked for. */
const DEFAULT_SHOWN = 50
/** Of those that are not shown so many are counted. */
const MOST_COUNTED = 1000

/** Prints executions, the youngest first: all of them, and on a screen as many as fit to be read. @throws validation_failed */
export async function listExecutions(flags: ListFlags, terminal: Terminal): Promise<void> {
  const limit = flags.limit === undefined ? undefined : readLimit(flags.limit)
  const wanted = readFilters(flags)
  const isForPeople = flags.json !== true && flags.quiet !== true
  await withClient(flags, terminal, async ({ executions }) => {
    if (isForPeople && terminal.stdout.isTTY) {
      return showSome(executions.list({ ...wanted, limit: PAGE }), limit ?? DEFAULT_SHOWN, terminal)
    }
    const most = limit ?? Infinity
    const views = executions.list({ ...wanted, limit: Math.min(most, PAGE) })
    if (isForPeople) return terminal.stdout.write(tableOf(await Array.fromAsync(firstOf(views, most)), terminal))
    for await (const view of firstOf(views, most)) {
      if (flags.json === true) printJsonLine(terminal.stdout, view)
      else terminal.stdout.write(`${view.id}\n`)
      await terminal.stdout.taken()
    }
  })
}

async function showSome(views: Views, most: number, terminal: Terminal): Promise<void> {
  const shown: ExecutionView[] = []
  let left = 0
  for await (const view of views) {
    if (shown.length < most) shown.push(view)
    else left += 1
    if (left === MOST_COUNTED) break
  }
  terminal.stdout.write(tableOf(shown, terminal))
  if (left === 0) return
  const many = left === MOST_COUNTED ? `at least ${left}` : `${left}`
  terminal.stderr.write(`errand: ${many} more are not shown: --limit ${most * 2}, or in a pipe all of them\n`)
}

async function* firstOf(views: Views, most: number): AsyncGenerator<ExecutionView, void, undefined> {
  let count = 0
  for await (const view of views) {
    yield view
    count += 1
    if (count >= most) return
  }
}

function readLimit(text: string): number {
  const limit = readWholeNumber('--limit', text)
  if (limit > 0) return limit
  throw malformed('--limit', text, '1 or more')
}

function tableOf(views: readonly ExecutionView[], { stdout }: Terminal): string {
  return table(columnsAt(Date.now()), views, stdout)
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
