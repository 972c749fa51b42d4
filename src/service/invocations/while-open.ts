import { abortable } from '../../util/abort.ts'

/** A body that does not come is waited for no longer than that. @throws signal.reason */
export async function* whileOpen(
  body: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void> {
  const pieces = body[Symbol.asyncIterator]()
  try {
    for (;;) {
      const { done, value } = await abortable(pieces.next(), signal)
      if (done === true) return
      yield value
    }
  } finally {
    // It may be amid waiting for a piece, which nobody waits for with it.
    pieces.return?.().catch(() => {})
  }
}
