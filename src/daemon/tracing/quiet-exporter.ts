import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace'
import type { Log } from '../../core/log.ts'

type Report = Parameters<SpanExporter['export']>[1]
type Result = Parameters<Report>[0]

/** `ExportResultCode.SUCCESS` of `@opentelemetry/core`, which is not ours to import. */
const SUCCESS = 0

/**
 * Logs when a collector begins to refuse spans or to be away, and when it takes them again, and nothing in between. What
 * could not be sent is gone: whoever gave it is told that all is well.
 */
export class QuietExporter implements SpanExporter {
  readonly #exporter: SpanExporter
  readonly #log: Log
  #lost = 0

  constructor(exporter: SpanExporter, log: Log) {
    this.#exporter = exporter
    this.#log = log
  }

  export(spans: ReadableSpan[], report: Report): void {
    this.#exporter.export(spans, (result) => {
      this.#note(spans.length, result)
      report({ code: SUCCESS })
    })
  }

  async shutdown(): Promise<void> {
    await this.#exporter.shutdown()
  }

  async forceFlush(): Promise<void> {
    await this.#exporter.forceFlush?.()
  }

  #note(spans: number, { code, error }: Result): void {
    if (code !== SUCCESS) {
      if (this.#lost === 0)
        this.#log.warn({ reason: error?.message }, 'the collector takes no spans: they are lost until it does')
      this.#lost += spans
    } else if (this.#lost > 0) {
      this.#log.info({ lost: this.#lost }, 'the collector takes spans again')
      this.#lost = 0
    }
  }
}
