import type { FinishedRequest, HttpMeter } from '../../http/http-meter.ts'
import { CALL_SECONDS } from './buckets.ts'
import { Histogram, type Registry } from './prom.ts'

/** Requests of all faces. One histogram, whose count is the number of requests: the warm path pays for no more. */
export class HttpMetrics implements HttpMeter {
  readonly #durations: Histogram<'face' | 'route' | 'method' | 'status'>

  constructor(registry: Registry) {
    this.#durations = new Histogram({
      name: 'errand_http_request_duration_seconds',
      help: 'Time from a request to the end of its answer.',
      labelNames: ['face', 'route', 'method', 'status'],
      buckets: [...CALL_SECONDS],
      registers: [registry],
    })
  }

  request({ face, route, method, status, seconds }: FinishedRequest): void {
    this.#durations.observe({ face, route, method, status }, seconds)
  }
}
