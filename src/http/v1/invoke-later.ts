import type { IncomingMessage } from 'node:http'
import { ErrandError } from '../../core/errors.ts'
import { headersForTask } from '../../forward/headers.ts'
import { checkedKey } from './execution-request.ts'
import { Incoming } from './incoming.ts'
import type { Exchange, Reply, V1Deps } from './route.ts'
import { taskPath } from './task-path.ts'
import { viewInvocation } from './views.ts'

const LATER = /(?:^|,)\s*respond-async\s*(?:[,;]|$)/i
/** Said to the node, not to the task, as everything is that begins with `errand-`. */
const FOR_US: ReadonlySet<string> = new Set(['prefer', 'idempotency-key'])

/** Whether its caller wants to be answered before the task does (RFC 7240). */
export function isForLater({ headers: { prefer } }: IncomingMessage): boolean {
  return typeof prefer === 'string' && LATER.test(prefer)
}

/** Nobody would be told. @throws validation_failed */
export function assertNoWebhook({ headers }: IncomingMessage): void {
  if (headers['errand-webhook'] === undefined) return
  throw new ErrandError('validation_failed', 'Errand-Webhook: needs Prefer: respond-async')
}

/** Keeps a request, and answers with its record. */
export async function invokeLater(
  { request, principal, id, tail, queryText, cancellation }: Exchange,
  { later, clock, streams, maxLaterBytes }: V1Deps,
): Promise<Reply> {
  const { headers, rawHeaders, method = 'GET' } = request
  const asked = {
    caller: principal.caller,
    task: id,
    head: { method, path: taskPath(tail, queryText), headers: headersToKeep(rawHeaders) },
    key: checkedKey(headers['idempotency-key']),
    isIdempotent: isIdempotent(headers['errand-idempotent']),
    webhookUrl: webhookIn(headers['errand-webhook']),
  }
  using _slot = streams.take(principal.caller.id)
  using incoming = Incoming.open(request, { clock, signal: cancellation.signal, limitBytes: maxLaterBytes })
  const record = await later.accept(asked, incoming.pieces())
  const location = `/v1/invocations/${record.id}`
  return {
    status: 202,
    value: viewInvocation(record),
    headers: { location, 'preference-applied': 'respond-async' },
  }
}

function headersToKeep(raw: readonly string[]): string[] {
  const passed = headersForTask(raw)
  return passed.filter((_, index) => !FOR_US.has(passed[index - (index % 2)]?.toLowerCase() ?? ''))
}

function isIdempotent(header: string | string[] | undefined): boolean {
  if (header === undefined || header === 'true' || header === 'false') return header === 'true'
  throw new ErrandError('validation_failed', 'Errand-Idempotent: must be true or false')
}

function webhookIn(header: string | string[] | undefined): string | undefined {
  if (typeof header === 'string' || header === undefined) return header
  throw new ErrandError('validation_failed', 'Errand-Webhook: must be one URL')
}
