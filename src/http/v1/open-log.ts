import { ErrandError } from '../../core/errors.ts'
import type { LogEntry } from '../../logs/log-entry.ts'
import type { ExecutionsApi } from '../../service/executions-api.ts'
import type { LogRequest } from '../../service/executor.ts'

/** Disposing ends it, also where nobody has begun to read. */
interface OpenedLog extends Disposable {
  readonly entries: AsyncIterable<LogEntry>
}

interface Sought extends LogRequest {
  readonly signal: AbortSignal
}

/**
 * Resolves when something of a log was read, or when it is known that there is nothing in it yet: somebody who only waits
 * for output is not kept waiting for its first line. @throws what reading it does; signal.reason
 */
export async function openLog(executions: Pick<ExecutionsApi, 'getLogStream'>, sought: Sought): Promise<OpenedLog> {
  const over = new AbortController()
  const signal = AbortSignal.any([sought.signal, over.signal])
  const { promise: opened, resolve: onOpened } = Promise.withResolvers<void>()
  const entries = executions.getLogStream({ ...sought, signal, onOpened })[Symbol.asyncIterator]()
  const first = entries.next()
  await Promise.race([first, opened])
  return {
    entries: startingWith(first, entries),
    [Symbol.dispose]: () => over.abort(new ErrandError('cancelled', 'nobody reads it any more')),
  }
}

async function* startingWith<T>(first: Promise<IteratorResult<T>>, others: AsyncIterator<T>): AsyncGenerator<T, void> {
  try {
    for (let next = await first; next.done !== true; next = await others.next()) yield next.value
  } finally {
    await others.return?.()
  }
}
