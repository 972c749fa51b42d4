import type { InvocationView } from '../../client/client.ts'
import type { Fact } from '../output/facts.ts'
import { formatBytes, formatDuration } from '../output/format.ts'
import { neutralize } from '../output/neutralize.ts'
import { type Style, style } from '../output/style.ts'
import type { Column } from '../output/table.ts'
import { answerStatus } from '../tasks/print-answer.ts'
import type { Output } from '../terminal.ts'

const UNDER_WAY: ReadonlySet<InvocationView['status']> = new Set(['queued', 'running'])

export function isOver({ status }: InvocationView): boolean {
  return !UNDER_WAY.has(status)
}

/** `answered (200)`, `failed (queue_full)`. */
export function describeStatus({ status, response, failure }: InvocationView): string {
  const why = response?.status ?? failure?.code
  return why === undefined ? status : `${status} (${why})`
}

export function columnsAt(nowMs: number): Column<InvocationView>[] {
  return [
    { title: 'ID', value: ({ id }) => id, cutFirst: 0 },
    { title: 'TASK', value: ({ task }) => task, cutFirst: 1 },
    { title: 'STATUS', value: describeStatus, style: styleOf },
    { title: 'AGE', value: ({ times }) => formatDuration(nowMs - Date.parse(times.accepted)), align: 'right' },
    { title: 'TOOK', value: ({ times }) => formatDuration(tookMs(times, nowMs)), align: 'right' },
  ]
}

export function factsOf(view: InvocationView, output: Output): Fact[] {
  const { times, response, failure, webhook } = view
  const format = styleOf(view)
  const status = neutralize(describeStatus(view))
  const facts: (readonly [string, string | undefined])[] = [
    ['task', view.task],
    ['method', view.method],
    ['message', failure?.message],
    ['sent', formatBytes(view.requestBytes)],
    ['answer', response === undefined ? undefined : formatBytes(response.bytes)],
    ['idempotent', view.idempotent ? 'yes' : undefined],
    ['caller', view.caller],
    ['accepted', times.accepted],
    ['begun', times.begun],
    ['ended', times.ended],
    ['webhook', webhook === undefined ? undefined : describeWebhook(webhook)],
  ]
  return [
    ['id', neutralize(view.id)],
    ['status', format === undefined ? status : style(format, status, output)],
    ...facts.flatMap(([label, text]): Fact[] => (text === undefined ? [] : [[label, neutralize(text)]])),
  ]
}

function describeWebhook({ origin, delivered, failed }: NonNullable<InvocationView['webhook']>): string {
  if (delivered !== undefined) return `${origin}, told at ${delivered}`
  return failed === undefined ? `${origin}, not told yet` : `${origin}, given up: ${failed}`
}

function styleOf(view: InvocationView): Style | undefined {
  if (view.status === 'running') return 'cyan'
  if (!isOver(view)) return undefined
  return view.status === 'answered' && answerStatus(view.response?.status ?? 0) === 0 ? 'green' : 'red'
}

function tookMs({ begun, ended }: InvocationView['times'], nowMs: number): number | undefined {
  if (begun === undefined) return undefined
  return (ended === undefined ? nowMs : Date.parse(ended)) - Date.parse(begun)
}
