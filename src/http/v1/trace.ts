import type { IncomingMessage } from 'node:http'
import { formatTraceparent, parseTraceparent } from '../../core/trace-context.ts'

/** What a request belongs to, as its caller says; nothing where that is no W3C trace context. */
export function traceOf({ headers }: Pick<IncomingMessage, 'headers'>): { readonly traceparent?: string } {
  const { traceparent } = headers
  const context = typeof traceparent === 'string' ? parseTraceparent(traceparent) : undefined
  return context === undefined ? {} : { traceparent: formatTraceparent(context) }
}
