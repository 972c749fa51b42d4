import type { TraceContext } from '../../core/trace-context.ts'

/** Something that took time and is over. Spans are made when they end, so that none can be left open. */
export interface FinishedSpan {
  readonly name: string
  readonly kind: 'internal' | 'server' | 'client'
  readonly context: TraceContext
  /** What it belongs to; undefined for the first of its trace. */
  readonly parent: TraceContext | undefined
  /** Milliseconds since the Unix epoch. */
  readonly startMs: number
  readonly endMs: number
  readonly attributes: Readonly<Record<string, string | number | boolean | undefined>>
  /** What went wrong, in a word. */
  readonly error?: string | undefined
}

/** Takes spans that are to be kept. Never waits, never throws; what is too much is dropped. */
export interface SpanSink {
  add(span: FinishedSpan): void
}
