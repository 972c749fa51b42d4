import type { Clock } from '../../core/clock.ts'
import type { Log } from '../../core/log.ts'
import type { ExecutionWatcher } from '../../service/executions/execution-watcher.ts'
import type { InvocationTracer } from '../../service/invocation-tracer.ts'
import type { Config } from '../config/config.ts'
import { ExecutionTraces } from './execution-traces.ts'
import { readHeadersFile } from './headers-file.ts'
import { InvocationTraces } from './invocation-traces.ts'

/** What is followed, and sent to a collector. */
export interface Tracing {
  readonly executions: ExecutionWatcher
  readonly invocations: InvocationTracer
}

/**
 * Undefined where no collector is configured: then nothing is loaded either. `held` sends the last spans.
 * @throws validation_failed for a file of headers that cannot be used
 */
export async function openTracing(
  { tracing, node }: Pick<Config, 'tracing' | 'node'>,
  { clock, log }: { readonly clock: Clock; readonly log: Log },
  held: AsyncDisposableStack,
): Promise<Tracing | undefined> {
  if (tracing === undefined) return undefined
  const { url, sampleRatio, headersFile } = tracing
  const headers = headersFile === undefined ? {} : await readHeadersFile(headersFile)
  const { OtlpSpans } = await import('./otlp-spans.ts')
  const sink = held.use(new OtlpSpans({ url, headers, node, log, clock }))
  const deps = { sink, clock, sampleRatio }
  return { executions: new ExecutionTraces(deps), invocations: new InvocationTraces(deps) }
}
