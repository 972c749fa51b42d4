import type { IncomingMessage, ServerResponse } from 'node:http'
import { GrowingBuffer } from '../util/growing-buffer.ts'
import { refusal, refuse } from './refusal.ts'

/**
 * Reads a whole request body and hands it to `onBody`, once. A body over `limitBytes` is refused with 413, by its
 * declared length if that says so, else when the bytes that came say so; then, and when the caller leaves, `onBody` is
 * never called. Takes a callback because a promise for every warm request would be felt.
 */
export function gatherBody(
  request: IncomingMessage,
  response: ServerResponse,
  limitBytes: number,
  onBody: (body: Buffer) => void,
): void {
  const refuseSize = (): void => refuse(request, response, refusal(413, `the body is larger than ${limitBytes} bytes`))
  if (Number(request.headers['content-length'] ?? 0) > limitBytes) {
    refuseSize()
    return
  }
  const gathered = new GrowingBuffer()
  const onData = (chunk: Buffer): void => {
    if (gathered.size + chunk.length <= limitBytes) {
      gathered.add(chunk)
      return
    }
    gathered.take()
    request.off('data', onData)
    request.off('end', onEnd)
    refuseSize()
  }
  const onEnd = (): void => onBody(gathered.take())
  request.on('data', onData)
  request.on('end', onEnd)
}
