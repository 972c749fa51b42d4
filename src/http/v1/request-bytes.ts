import type { IncomingMessage } from 'node:http'
import { ErrandError } from '../../core/errors.ts'
import type { StallWatch } from './stall-watch.ts'

/** Rejects when the sender leaves in the middle. Whoever stops reading can still answer. */
export async function* bytesOf(request: IncomingMessage, watch: StallWatch): AsyncGenerator<Uint8Array, void> {
  const chunks: AsyncIterable<Buffer> = request.iterator({ destroyOnReturn: false })
  try {
    for await (const chunk of chunks) {
      watch.moved()
      yield chunk
    }
  } catch (cause) {
    throw new ErrandError('cancelled', 'the upload was cut off', { cause })
  }
}
