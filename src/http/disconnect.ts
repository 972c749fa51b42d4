import type { ServerResponse } from 'node:http'
import { Cancellation } from '../core/cancellation.ts'
import { ErrandError } from '../core/errors.ts'

/**
 * A cancellation that happens when the caller leaves before its answer was written. Call it before anything is awaited:
 * a disconnect is told once only.
 */
export function cancelOnDisconnect(response: ServerResponse): Cancellation {
  const cancellation = new Cancellation()
  response.on('close', () => {
    if (!response.writableEnded) cancellation.cancel(new ErrandError('cancelled', 'the caller disconnected'))
  })
  return cancellation
}
