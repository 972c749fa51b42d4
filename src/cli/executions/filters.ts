import type { ExecutionStatus } from '../../client/client.ts'
import { ErrandError } from '../../core/errors.ts'
import { EXECUTION_STATUSES, isExecutionStatus, isTerminal } from '../../core/execution.ts'
import { malformed } from '../flag-values.ts'
import type { ListFlags } from './flags.ts'

/** Which executions are asked for. */
interface Wanted {
  readonly status?: readonly ExecutionStatus[]
  readonly job?: string
  readonly labels?: Readonly<Record<string, string>>
}

const FORM = 'status=STATUS, label=NAME=VALUE or job=JOB'

/** Those that have not ended, unless a status or all of them are asked for. @throws validation_failed */
export function readFilters({ all, status = [], filter = [] }: ListFlags): Wanted {
  const filters = filter.map(readFilter)
  const valuesOf = (key: string): string[] => filters.flatMap(([each, value]) => (each === key ? [value] : []))
  const [job, otherJob] = valuesOf('job')
  if (otherJob !== undefined) throw new ErrandError('validation_failed', '--filter: an execution is of one job')
  const labels = valuesOf('label').map(readLabel)
  const statuses = statusesOf([...status, ...valuesOf('status')], all === true)
  return {
    ...(statuses !== undefined && { status: statuses }),
    ...(job !== undefined && { job }),
    ...(labels.length > 0 && { labels: Object.fromEntries(labels) }),
  }
}

function readFilter(text: string): readonly [key: string, value: string] {
  const [, key = '', value = ''] = /^(status|label|job)=(.+)$/s.exec(text) ?? []
  if (key === '') throw malformed('--filter', text, FORM)
  return [key, value]
}

function readLabel(text: string): readonly [name: string, value: string] {
  const at = text.indexOf('=')
  if (at < 1) throw malformed('--filter', `label=${text}`, FORM)
  return [text.slice(0, at), text.slice(at + 1)]
}

function statusesOf(texts: readonly string[], all: boolean): ExecutionStatus[] | undefined {
  const asked = texts.flatMap((text) => text.split(','))
  if (asked.length === 0) return all ? undefined : EXECUTION_STATUSES.filter((each) => !isTerminal(each))
  const unknown = asked.find((text) => !isExecutionStatus(text))
  if (unknown === undefined) return asked.filter(isExecutionStatus)
  const known = EXECUTION_STATUSES.join(', ')
  throw new ErrandError('validation_failed', `${JSON.stringify(unknown)} is no status; there are ${known}`)
}
