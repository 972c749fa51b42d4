import { text } from 'node:stream/consumers'
import { parse } from 'yaml'
import type { NamedTaskBodyIn } from '../../client/client.ts'
import { ErrandError } from '../../core/errors.ts'
import type { ContextFlags } from '../context/resolve-context.ts'
import { readDuration, readWholeNumber } from '../flag-values.ts'
import { openLocalFile } from '../local-file.ts'
import { type TaskFlags, taskFields } from '../run/task-fields.ts'
import type { Input } from '../terminal.ts'

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

const STDIN = '-'

/** What a named task is to be. Whether it makes sense is the daemon's to check, in its own words. @throws validation_failed; not_found */
export async function namedTaskBody(
  image: string | undefined,
  command: readonly string[],
  flags: PutFlags,
  stdin: Input,
): Promise<NamedTaskBodyIn> {
  if ((image === undefined) === (flags.file === undefined)) {
    throw new ErrandError('validation_failed', 'give an image, or --file with all that the task is')
  }
  const body = image === undefined ? await readBody(flags.file ?? '', stdin) : bodyOf(image, command, flags)
  return body as NamedTaskBodyIn
}

function bodyOf(image: string, command: readonly string[], flags: PutFlags): object {
  const { port, readiness, concurrency, keepAlive, startTimeout, requestTimeout } = flags
  return {
    ...taskFields(image, command, flags),
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

/** JSON is YAML, too. */
async function readBody(path: string, stdin: Input): Promise<unknown> {
  const content = await readText(path, stdin)
  try {
    return parse(content)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new ErrandError('validation_failed', `${path}: ${why}`, { cause })
  }
}

async function readText(path: string, stdin: Input): Promise<string> {
  if (path === STDIN) return text(stdin)
  await using file = await openLocalFile(path)
  return await file.readFile('utf8')
}
