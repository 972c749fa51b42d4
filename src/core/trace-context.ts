/** One span of a trace, as W3C Trace Context names it: what a span of ours belongs to, or what is to belong to ours. */
export interface TraceContext {
  /** 32 hexadecimal digits, not all zero. */
  readonly traceId: string
  /** 16 hexadecimal digits, not all zero. */
  readonly spanId: string
  /** Whoever began the trace wants it kept. */
  readonly isSampled: boolean
}

const TRACEPARENT = /^(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/
const SAMPLED = 0x01

/** The header `traceparent`. Undefined for what is none: it means as much as no header. */
export function parseTraceparent(text: string): TraceContext | undefined {
  const [, version, traceId, spanId, flags = '', rest] = TRACEPARENT.exec(text) ?? []
  // Only later versions may say more.
  if (traceId === undefined || spanId === undefined || (version === '00' && rest !== undefined)) return undefined
  return { traceId, spanId, isSampled: (Number.parseInt(flags, 16) & SAMPLED) !== 0 }
}

export function formatTraceparent({ traceId, spanId, isSampled }: TraceContext): string {
  return `00-${traceId}-${spanId}-0${isSampled ? SAMPLED : 0}`
}
