import { Readable } from 'node:stream'
import type { Invocation, LaterInvocation } from '../../client/client.ts'
import { ErrandError } from '../../core/errors.ts'
import type { ContextFlags } from '../context/resolve-context.ts'
import { EXIT } from '../exit-status.ts'
import { malformed } from '../flag-values.ts'
import { openLocalFile } from '../local-file.ts'
import { printJson } from '../output/json.ts'
import { StopSignals } from '../stop-signals.ts'
import type { Input, Terminal } from '../terminal.ts'
import { withClient } from '../with-client.ts'
import { printAnswer } from './print-answer.ts'

/** What `errand invoke` is told. Everything as it was written. */
export interface InvokeFlags extends ContextFlags {
  readonly method?: NonNullable<Invocation['method']>
  readonly data?: string
  readonly header?: readonly string[]
  readonly include?: boolean
  readonly raw?: boolean
  readonly json?: boolean
  readonly async?: boolean
  readonly webhook?: string
  readonly idempotencyKey?: string
  readonly idempotent?: boolean
}

/** What is sent, and how many bytes that is where it is known beforehand: not every task can do without. */
interface Sent extends AsyncDisposable {
  readonly body: string | Readable
  readonly bytes?: number
}

/** Sends one request to a task, prints what it answers as it comes, and resolves with the exit status that its status means. */
export async function sendToTask(name: string, path: string, flags: InvokeFlags, terminal: Terminal): Promise<number> {
  using signals = new StopSignals(terminal.signals, terminal.stderr.isTTY)
  const { signal } = signals
  const { method } = flags
  const headers = readHeaders(flags.header ?? [])
  const later = flags.async === true ? readLater(flags) : refuseLater(flags)
  await using sent = flags.data === undefined ? undefined : await openData(flags.data, terminal.stdin)
  const length = sent?.bytes === undefined ? {} : { 'content-length': `${sent.bytes}` }
  const body = sent === undefined ? {} : { body: sent.body }
  const invocation = {
    path,
    headers: { ...length, ...headers },
    ...(method !== undefined && { method }),
    ...body,
    signal,
  }
  return await withClient(flags, terminal, async (client) => {
    if (later === undefined) return printAnswer(await client.invoke(name, invocation), flags, terminal)
    const record = await client.invocations.begin(name, { ...invocation, ...later })
    if (flags.json === true) printJson(terminal.stdout, record)
    else terminal.stdout.write(`${record.id}\n`)
    return EXIT.ok
  })
}

/** What is said of a request that is answered later. */
function readLater({ webhook, idempotencyKey, idempotent, include }: InvokeFlags): LaterInvocation {
  if (include === true) throw new ErrandError('validation_failed', '--async and --include: there is no answer yet')
  return {
    ...(webhook !== undefined && { webhook }),
    ...(idempotencyKey !== undefined && { idempotencyKey }),
    ...(idempotent === true && { isIdempotent: true }),
  }
}

function refuseLater({ webhook, idempotencyKey, idempotent }: InvokeFlags): undefined {
  if (webhook === undefined && idempotencyKey === undefined && idempotent !== true) return
  throw new ErrandError('validation_failed', '--webhook, --idempotency-key and --idempotent: only with --async')
}

/** The values of a name that comes more than once are joined, as HTTP has it. */
function readHeaders(texts: readonly string[]): Record<string, string> {
  const headers = new Map<string, string>()
  for (const text of texts) {
    const [, name = '', value = ''] = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*)$/.exec(text) ?? []
    if (name === '') throw malformed('--header', text, '"Name: value"')
    const key = name.toLowerCase()
    const before = headers.get(key)
    headers.set(key, before === undefined ? value : `${before}, ${value}`)
  }
  return Object.fromEntries(headers)
}

/** `@FILE`, `@-` for stdin, or the text itself. @throws not_found for a file that cannot be read */
async function openData(data: string, stdin: Input): Promise<Sent> {
  if (!data.startsWith('@')) return { body: data, [Symbol.asyncDispose]: async () => {} }
  if (data === '@-') {
    const body = Readable.from(stdin, { objectMode: false })
    return { body, [Symbol.asyncDispose]: async () => void body.destroy() }
  }
  const file = await openLocalFile(data.slice(1))
  const stats = await file.stat()
  const body = file.createReadStream({ autoClose: false })
  return { body, ...(stats.isFile() && { bytes: stats.size }), [Symbol.asyncDispose]: () => file.close() }
}
