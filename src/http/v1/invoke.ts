import type { IncomingMessage, ServerResponse } from 'node:http'
import { ErrandError } from '../../core/errors.ts'
import type { StreamedRequest } from '../../service/node-api.ts'
import type { ByteBudget } from '../../util/byte-budget.ts'
import { invokeTask } from '../contract/operations/tasks.ts'
import { breakOff } from '../cut.ts'
import { allowLongUpload } from '../long-upload.ts'
import { LINGER_MS } from '../refusal.ts'
import { CallerAnswer } from './caller-answer.ts'
import { assertNoWebhook, invokeLater, isForLater } from './invoke-later.ts'
import type { Route } from './route.ts'
import { taskPath } from './task-path.ts'

/** A body up to this size is sent in one piece, and its task need not wait for it. */
const SMALL_BYTES = 64 * 1024

/** `ANY /v1/tasks/{name}/invoke`: neither side's body is read before the other side takes it. */
export const INVOKE_ROUTE: Route = {
  operation: invokeTask,
  async run(exchange, deps) {
    const { request, response, principal, id, tail, queryText, cancellation } = exchange
    const { node, tasks, bodies } = deps
    assertNoUpgrade(request)
    if (isForLater(request)) return invokeLater(exchange, deps)
    assertNoWebhook(request)
    const { key, task } = tasks.load(principal.caller.id, id)
    const path = taskPath(tail, queryText)
    using body = await bodyOf(request, response, bodies)
    const forwarded = { method: request.method ?? 'GET', path, headers: request.rawHeaders, body: body.value }
    try {
      await node.forward({ key, task, request: forwarded }, new CallerAnswer(response), cancellation)
    } catch (error) {
      // What has begun can only be broken off.
      if (response.headersSent) breakOff(response)
      throw error
    }
    if (!request.complete) lingerOn(request, response)
    return undefined
  },
}

/** Held in memory until disposed. */
interface HeldBody extends Disposable {
  readonly value: StreamedRequest['body']
}

const NO_BODY: HeldBody = { value: undefined, [Symbol.dispose]() {} }

async function bodyOf(request: IncomingMessage, response: ServerResponse, budget: ByteBudget): Promise<HeldBody> {
  const { 'content-length': declared, 'transfer-encoding': coding } = request.headers
  if (coding === undefined && (declared === undefined || declared === '0')) return NO_BODY
  const bytes = declared === undefined ? undefined : Number(declared)
  if (bytes === undefined || bytes > SMALL_BYTES || !budget.tryTake(bytes)) {
    allowLongUpload(request)
    return { value: { source: request, bytes }, [Symbol.dispose]() {} }
  }
  const held = { [Symbol.dispose]: () => budget.giveBack(bytes) }
  try {
    return { ...held, value: { whole: await whole(request, response) } }
  } catch (error) {
    held[Symbol.dispose]()
    throw error
  }
}

/** @throws cancelled when the caller leaves amid it */
function whole(request: IncomingMessage, response: ServerResponse): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    const onClose = (): void => reject(new ErrandError('cancelled', 'the caller left amid its request'))
    response.once('close', onClose)
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.once('end', () => {
      // Every answer is closed in the end, and an error takes longer to make than all else here.
      response.off('close', onClose)
      resolve(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks))
    })
  })
}

function assertNoUpgrade({ headers }: IncomingMessage): void {
  if (headers.upgrade?.toLowerCase().includes('websocket') !== true) return
  throw new ErrandError('unsupported', 'WebSockets are not passed through to tasks; use requests, or events (SSE)')
}

/** The answer is out, and the task has read as much as it wanted. */
function lingerOn(request: IncomingMessage, response: ServerResponse): void {
  const { socket } = request
  const timer = setTimeout(() => socket.destroy(), LINGER_MS).unref()
  const over = (): void => clearTimeout(timer)
  request.once('end', over)
  socket.once('close', over)
  // Only now: an answer that still waits to be read keeps its connection.
  if (response.writableFinished) request.resume()
  else response.once('finish', () => request.resume())
}
