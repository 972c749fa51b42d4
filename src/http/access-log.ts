import type { RequestListener } from 'node:http'
import type { Clock } from '../core/clock.ts'
import type { Log } from '../core/log.ts'

/** Logs one line for every request when its connection is done with it: never a body, never a query. */
export function withAccessLog(listener: RequestListener, log: Log, clock: Clock): RequestListener {
  return (request, response) => {
    const startedMs = clock.monotonicMs()
    response.on('close', () => {
      const { method, url = '' } = request
      const durationMs = Math.round((clock.monotonicMs() - startedMs) * 1000) / 1000
      const isAnswered = response.writableFinished
      log.info({ method, path: url.split('?', 1)[0], status: response.statusCode, isAnswered, durationMs }, 'request')
    })
    listener(request, response)
  }
}
