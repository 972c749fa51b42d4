import type { NamedTaskBodyIn } from '../../client/client.ts'
import { ErrandError } from '../../core/errors.ts'
import { readBodyFile } from '../body-file.ts'
import type { ContextFlags } from '../context/resolve-context.ts'
import { readDuration, readWholeNumber } from '../flag-values.ts'
import { type TaskFlags, taskFields } from '../run/task-fields.ts'
import type { Terminal } from '../terminal.ts'

/** What `errand tasks put` is told. Everything as it was written. */
export interface PutFlags extends ContextFlags, TaskFlags {
  readonly file?: string
  readonly port?: string
  readonly readiness?: string
  readonly concurrency?: string
  readonly keepAlive?: string
  readonly startTimeout?: string
  readonly requestTimeout?: string
  readonly json?: boolean
}

/** What a named task is to be. Whether it makes sense is the daemon's to check, in its own words. @throws validation_failed; not_found */
export async function readTaskBody(
  image: string | undefined,
  command: readonly string[],
  flags: PutFlags,
  { host, stdin }: Pick<Terminal, 'host' | 'stdin'>,
): Promise<NamedTaskBodyIn> {
  if ((image === undefined) === (flags.file === undefined)) {
    throw new ErrandError('validation_failed', 'give an image, or --file with all that the task is')
  }
  const body: object =
    image === undefined
      ? await readBodyFile(flags.file ?? '', stdin)
      : { ...(await taskFields(image, command, flags, host.environment)), ...servingOf(flags) }
  return body as NamedTaskBodyIn
}

function servingOf({ port, readiness, concurrency, keepAlive, startTimeout, requestTimeout }: PutFlags): object {
  return {
    ...(port !== undefined && { port: readWholeNumber('--port', port) }),
    ...(readiness !== undefined && { readiness }),
    ...(concurrency !== undefined && { concurrency: readConcurrency(concurrency) }),
    ...(keepAlive !== undefined && { keepAliveMs: readDuration('--keep-alive', keepAlive) }),
    ...(startTimeout !== undefined && { startTimeoutMs: readDuration('--start-timeout', startTimeout) }),
    ...(requestTimeout !== undefined && { requestTimeoutMs: readDuration('--request-timeout', requestTimeout) }),
  }
}

function readConcurrency(text: string): number | 'unlimited' {
  return text === 'unlimited' ? text : readWholeNumber('--concurrency', text)
}
