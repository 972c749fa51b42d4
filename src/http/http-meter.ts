import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Clock } from '../core/clock.ts'
import type { FaceName } from './listener-config.ts'

/** One request that is over. Every field but the last has few values, whatever callers send. */
export interface FinishedRequest {
  readonly face: FaceName
  /** As the face names it, with `{id}` for what varies; `other` where there is none. */
  readonly route: string
  readonly method: string
  /** `cut`: the connection ended before the answer did. */
  readonly status: '1xx' | '2xx' | '3xx' | '4xx' | '5xx' | 'cut'
  readonly seconds: number
}

/** Told of each request once it is over. Must not throw. */
export interface HttpMeter {
  request(finished: FinishedRequest): void
}

export interface MeteringDeps {
  readonly meter?: HttpMeter | undefined
  readonly clock: Clock
}

/** For requests at paths that a face does not have. */
export const OTHER_ROUTE = 'other'

const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])
const CLASSES = ['cut', '1xx', '2xx', '3xx', '4xx', '5xx'] as const

/** From now until its connection is done with the answer. */
export function meterRequest(
  { meter, clock }: MeteringDeps,
  face: FaceName,
  route: string,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  if (meter === undefined) return
  const startedMs = clock.monotonicMs()
  response.once('close', () => {
    const { method = '' } = request
    meter.request({
      face,
      route,
      method: METHODS.has(method) ? method : 'other',
      status: response.writableFinished ? (CLASSES[Math.trunc(response.statusCode / 100)] ?? 'cut') : 'cut',
      seconds: (clock.monotonicMs() - startedMs) / 1000,
    })
  })
}
