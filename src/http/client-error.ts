import type { Socket } from 'node:net'
import { LINGER_MS, rawRefusal, refusal } from './refusal.ts'

const MALFORMED = rawRefusal(refusal(400, 'not a well-formed HTTP request'), 'Bad Request')
const SLOW = rawRefusal(refusal(408, 'the request took too long to arrive'), 'Request Timeout')
const LONG_CHUNK_EXTENSION = rawRefusal(refusal(413, 'chunk extensions too large'), 'Content Too Large')
const LONG_HEADERS = rawRefusal(refusal(431, 'the headers are too large'), 'Request Header Fields Too Large')

/** Answers what Node could not parse, or did not get in time, and ends the connection. */
export function answerClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  if (socket.writableEnded) return
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy()
    return
  }
  const timer = setTimeout(() => socket.destroy(), LINGER_MS).unref()
  socket.once('close', () => clearTimeout(timer))
  socket.once('end', () => socket.destroy())
  socket.end(answerTo(error.code ?? ''))
  socket.resume()
}

function answerTo(code: string): string {
  switch (code) {
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return SLOW
    case 'HPE_HEADER_OVERFLOW':
      return LONG_HEADERS
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return LONG_CHUNK_EXTENSION
    default:
      return MALFORMED
  }
}
