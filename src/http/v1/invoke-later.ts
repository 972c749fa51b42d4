import type { IncomingMessage } from 'node:http'
import { ErrandError } from '../../core/errors.ts'
import { headersForTask } from '../../forward/headers.ts'
import { allowLongUpload } from '../long-upload.ts'
import { checkedKey } from './execution-request.ts'
import { bytesOf } from './request-bytes.ts'
import type { Exchange, Reply, V1Deps } from './route.ts'
import { StallWatch } from './stall-watch.ts'
import { taskPath } from './task-path.ts'
import { viewInvocation } from './views.ts'

/** How long a sender may send nothing. Nothing is kept of half a request. */
const STALL_MS = 60_000
const LATER = /(?:^|,)\s*respond-async\s*(?:[,;]|$)/i
/** Said to the node, not to the task. */
const FOR_US: ReadonlySet<string> = new Set(['prefer', 'idempotency-key'])

/** Whether its caller wants to be answered before the task does (RFC 7240). */
export function isForLater({ headers: { prefer } }: IncomingMessage): boolean {
  return typeof prefer === 'string' && LATER.test(prefer)
}

/** Keeps a request, and answers with its record. */
export async function invokeLater(
  { request, principal, id, tail, queryText, cancellation }: Exchange,
  { later, clock, streams }: V1Deps,
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
  allowLongUpload(request)
  using watch = new StallWatch(clock, STALL_MS, () =>
    request.destroy(new ErrandError('deadline_exceeded', 'nothing more of the request came')),
  )
  const record = await later.accept(asked, whileWanted(bytesOf(request, watch), cancellation.signal))
  const location = `/v1/invocations/${record.id}`
  return {
    status: 202,
    value: viewInvocation(record),
    headers: { location, 'preference-applied': 'respond-async' },
  }
}

/** @throws signal.reason between two pieces: its caller may not go on */
async function* whileWanted(pieces: AsyncIterable<Uint8Array>, signal: AbortSignal): AsyncGenerator<Uint8Array, void> {
  for await (const piece of pieces) {
    signal.throwIfAborted()
    yield piece
  }
}

function headersToKeep(raw: readonly string[]): string[] {
  const passed = headersForTask(raw)
  const isOurs = (name: string): boolean => FOR_US.has(name) || name.startsWith('errand-')
  return passed.filter((_, index) => !isOurs(passed[index - (index % 2)]?.toLowerCase() ?? ''))
}

function isIdempotent(header: string | string[] | undefined): boolean {
  if (header === undefined || header === 'true' || header === 'false') return header === 'true'
  throw new ErrandError('validation_failed', 'Errand-Idempotent: must be true or false')
}

function webhookIn(header: string | string[] | undefined): string | undefined {
  if (typeof header === 'string' || header === undefined) return header
  throw new ErrandError('validation_failed', 'Errand-Webhook: must be one URL')
}
