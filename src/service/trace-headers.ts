import { formatTraceparent, parseTraceparent, type TraceContext } from '../core/trace-context.ts'

const TRACEPARENT = 'traceparent'

/** What a request belongs to, by its headers: names and values in turn. */
export function traceOf(headers: readonly string[]): TraceContext | undefined {
  const at = headers.findIndex((name, index) => index % 2 === 0 && name.toLowerCase() === TRACEPARENT)
  return at === -1 ? undefined : parseTraceparent(headers[at + 1] ?? '')
}

/** The same headers, but for what the request belongs to. */
export function inTrace(headers: readonly string[], within: TraceContext): string[] {
  const isOther = (index: number): boolean => headers[index - (index % 2)]?.toLowerCase() !== TRACEPARENT
  return [...headers.filter((_, index) => isOther(index)), TRACEPARENT, formatTraceparent(within)]
}
