import { type Attributes, type HrTime, SpanKind, SpanStatusCode, TraceFlags } from '@opentelemetry/api'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto'
import { type Resource, resourceFromAttributes } from '@opentelemetry/resources'
import { BatchSpanProcessor, type ReadableSpan, type SpanExporter } from '@opentelemetry/sdk-trace'
import type { Clock } from '../../core/clock.ts'
import type { Log } from '../../core/log.ts'
import type { TraceContext } from '../../core/trace-context.ts'
import { packageVersion } from '../package-version.ts'
import { QuietExporter } from './quiet-exporter.ts'
import type { FinishedSpan, SpanSink } from './span.ts'

export interface OtlpSpansOptions {
  /** Where spans are posted to. */
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  /** This node's name. */
  readonly node: string
  readonly log: Log
  readonly clock: Clock
}

/** Spans that wait for the collector; beyond them new ones are dropped. */
const MOST_WAITING = 2048
const MOST_AT_ONCE = 512
const BATCH_EVERY_MS = 1000
/** For one batch, with further attempts at it. */
const EXPORT_TIMEOUT_MS = 5000
/** What the last spans may hold up the end of the process. */
const LAST_SPANS_MS = 3000

const KINDS = { internal: SpanKind.INTERNAL, server: SpanKind.SERVER, client: SpanKind.CLIENT } as const

/** Sends spans to a collector, OTLP over HTTP, in batches, from a bounded queue. */
export class OtlpSpans implements SpanSink, AsyncDisposable {
  readonly #processor: BatchSpanProcessor
  readonly #clock: Clock
  readonly #resource: Resource
  readonly #scope: ReadableSpan['instrumentationScope']

  constructor({ url, headers, node, log, clock }: OtlpSpansOptions) {
    this.#clock = clock
    const exporter: SpanExporter = new OTLPTraceExporter({
      url,
      headers: { ...headers },
      timeoutMillis: EXPORT_TIMEOUT_MS,
      concurrencyLimit: 1,
    })
    this.#processor = new BatchSpanProcessor({
      exporter: new QuietExporter(exporter, log),
      maxQueueSize: MOST_WAITING,
      maxExportBatchSize: MOST_AT_ONCE,
      scheduledDelayMillis: BATCH_EVERY_MS,
    })
    const version = packageVersion()
    this.#scope = { name: 'errand', version }
    this.#resource = resourceFromAttributes({
      'service.name': 'errand',
      'service.version': version,
      'service.instance.id': node,
    })
  }

  add(span: FinishedSpan): void {
    this.#processor.onEnd(toReadable(span, this.#resource, this.#scope))
  }

  /** Sends what waits, for a few seconds at the most: a collector that is not there does not hold up the end. */
  async [Symbol.asyncDispose](): Promise<void> {
    const { promise: enough, resolve } = Promise.withResolvers<void>()
    using _patience = this.#clock.setTimer(LAST_SPANS_MS, resolve)
    // What goes wrong with spans was logged where they are sent.
    await Promise.race([this.#processor.shutdown().catch(() => {}), enough])
  }
}

function toReadable(
  { name, kind, context, parent, startMs, endMs, attributes, error }: FinishedSpan,
  resource: Resource,
  instrumentationScope: ReadableSpan['instrumentationScope'],
): ReadableSpan {
  const spanContext = toSpanContext(context)
  return {
    name,
    kind: KINDS[kind],
    spanContext: () => spanContext,
    ...(parent !== undefined && { parentSpanContext: toSpanContext(parent) }),
    startTime: toHrTime(startMs),
    endTime: toHrTime(Math.max(startMs, endMs)),
    duration: toHrTime(Math.max(0, endMs - startMs)),
    status: error === undefined ? { code: SpanStatusCode.UNSET } : { code: SpanStatusCode.ERROR, message: error },
    attributes: withoutAbsent(attributes),
    links: [],
    events: [],
    ended: true,
    resource,
    instrumentationScope,
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  }
}

function toSpanContext({ traceId, spanId, isSampled }: TraceContext): ReturnType<ReadableSpan['spanContext']> {
  return { traceId, spanId, traceFlags: isSampled ? TraceFlags.SAMPLED : TraceFlags.NONE }
}

function toHrTime(ms: number): HrTime {
  const seconds = Math.trunc(ms / 1000)
  return [seconds, Math.round((ms - seconds * 1000) * 1e6)]
}

function withoutAbsent(attributes: FinishedSpan['attributes']): Attributes {
  return Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== undefined))
}
