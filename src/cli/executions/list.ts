import type { ExecutionStatus, ExecutionView } from '../../client/client.ts'
import { ErrandError } from '../../core/errors.ts'
import { EXECUTION_STATUSES, isExecutionStatus, isTerminal } from '../../core/execution.ts'
import { formatDuration } from '../output/format.ts'
import { printJsonLine } from '../output/json.ts'
import type { Style } from '../output/style.ts'
import { type Column, table } from '../output/table.ts'
import type { Terminal } from '../terminal.ts'
import { withClient } from '../with-client.ts'
import type { ListFlags } from './execution-commands.ts'

const MOST_AT_ONCE = 200

/** Prints executions, the youngest first. @throws validation_failed */
export async function listExecutions(flags: ListFlags, terminal: Terminal): Promise<void> {
  const limit = Number(flags.limit)
  if (!Number.isSafeInteger(limit) || limit < 1)
    throw new ErrandError('validation_failed', '--limit: must be 1 or more')
  const status = statusesOf(flags)
  const found: ExecutionView[] = []
  await withClient(flags, terminal, async ({ executions }) => {
    for await (const view of executions.list({ limit: Math.min(limit, MOST_AT_ONCE), ...(status && { status }) })) {
      found.push(view)
      if (found.length >= limit) break
    }
  })
  if (flags.json === true) for (const view of found) printJsonLine(terminal.stdout, view)
  else if (flags.quiet === true) for (const { id } of found) terminal.stdout.write(`${id}\n`)
  else terminal.stdout.write(table(columnsAt(Date.now()), found, terminal.stdout))
}

function statusesOf({ all, status }: ListFlags): ExecutionStatus[] | undefined {
  if (status === undefined) return all === true ? undefined : EXECUTION_STATUSES.filter((each) => !isTerminal(each))
  const asked = status.flatMap((text) => text.split(','))
  const unknown = asked.find((text) => !isExecutionStatus(text))
  if (unknown === undefined) return asked.filter(isExecutionStatus)
  const known = EXECUTION_STATUSES.join(', ')
  throw new ErrandError('validation_failed', `--status: ${JSON.stringify(unknown)} is none of ${known}`)
}

function columnsAt(nowMs: number): Column<ExecutionView>[] {
  return [
    { title: 'ID', value: ({ id }) => id },
    { title: 'STATUS', value: describeStatus, style: styleOf, cutFirst: 1 },
    { title: 'IMAGE', value: ({ image }) => image?.reference ?? '-', cutFirst: 2 },
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
