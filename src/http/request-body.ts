import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ByteBudget } from '../util/byte-budget.ts'
import { GrowingBuffer } from '../util/growing-buffer.ts'
import { type Answer, refusal, refuse } from './refusal.ts'

export interface BodyLimits {
  /** Of one body. */
  readonly limitBytes: number
  /** Shared by all requests, each from its first byte until its answer is out or its caller gone. */
  readonly budget: ByteBudget
  /** How a face words its refusals. Default: as they are. */
  readonly word?: (refused: Answer) => Answer
}

/** From here on a declared length is worth memory of its own. */
const BELIEVED_FROM_BYTES = 128 * 1024

/**
 * Reads a whole request body and hands it to `onBody`, once. A body over `limitBytes` is refused with 413, by its
 * declared length if that says so, else when the bytes that came say so; `onFull` is called instead when there is no
 * memory left for it. Then, and when the caller leaves, `onBody` is never called. Takes callbacks because a promise for
 * every warm request would be felt.
 */
export function gatherBody(
  request: IncomingMessage,
  response: ServerResponse,
  { limitBytes, budget, word = (refused) => refused }: BodyLimits,
  onBody: (body: Buffer) => void,
  onFull: () => void,
): void {
  const refuseSize = (): void =>
    refuse(request, response, word(refusal(413, `the body is larger than ${limitBytes} bytes`)))
  const declaredBytes = Number(request.headers['content-length'] ?? 0)
  if (declaredBytes > limitBytes) {
    refuseSize()
    return
  }
  const gathered = new GrowingBuffer()
  let takenBytes = 0
  const giveUp = (refuseIt: () => void): void => {
    gathered.take()
    request.off('data', onData)
    request.off('end', onEnd)
    refuseIt()
    // What still comes is thrown away.
    request.resume()
  }
  const onData = (chunk: Buffer): void => {
    if (gathered.size + chunk.length > limitBytes) {
      giveUp(refuseSize)
    } else if (!budget.tryTake(chunk.length)) {
      giveUp(onFull)
    } else {
      if (takenBytes === 0) response.once('close', () => budget.giveBack(takenBytes))
      takenBytes += chunk.length
      gathered.add(chunk)
      // Not sooner: a length costs its sender nothing.
      if (takenBytes > BELIEVED_FROM_BYTES) gathered.expect(declaredBytes)
    }
  }
  const onEnd = (): void => onBody(gathered.take())
  request.on('data', onData)
  request.on('end', onEnd)
}
