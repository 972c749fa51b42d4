import { randomBytes } from 'node:crypto'
import type { TraceContext } from '../../core/trace-context.ts'

/** The digits of a trace id that decide; they are random, and the same for all who see the trace. */
const DECIDING_DIGITS = 8

export function randomSpanId(): string {
  return randomBytes(8).toString('hex')
}

/** Of a trace that begins here. */
export function rootContext(traceId: string, spanId: string, sampleRatio: number): TraceContext {
  const place = Number.parseInt(traceId.slice(-DECIDING_DIGITS), 16) / 16 ** DECIDING_DIGITS
  return { traceId, spanId, isSampled: place < sampleRatio }
}

/** Of a span in the trace of `parent`, which has decided for all of it. */
export function childContext({ traceId, isSampled }: TraceContext, spanId: string = randomSpanId()): TraceContext {
  return { traceId, spanId, isSampled }
}
