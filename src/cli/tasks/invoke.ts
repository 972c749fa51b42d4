import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import type { Invocation, InvocationAnswer } from '../../client/client.ts'
import type { ContextFlags } from '../context/resolve-context.ts'
import { EXIT } from '../exit-status.ts'
import { malformed } from '../flag-values.ts'
import { openLocalFile } from '../local-file.ts'
import { foreignOutput } from '../output/foreign-output.ts'
import { printJson } from '../output/json.ts'
import { StopSignals } from '../stop-signals.ts'
import type { Input, Terminal } from '../terminal.ts'
import { withClient } from '../with-client.ts'

/** What `errand invoke` is told. Everything as it was written. */
export interface InvokeFlags extends ContextFlags {
  readonly method?: NonNullable<Invocation['method']>
  readonly data?: string
  readonly header?: readonly string[]
  readonly include?: boolean
  readonly raw?: boolean
  readonly json?: boolean
}

/** What is sent, and how many bytes that is where it is known beforehand: not every task can do without. */
interface Sent extends AsyncDisposable {
  readonly body: string | Readable
  readonly bytes?: number
}

/** The first status that says that something is wrong. */
const FIRST_ERROR = 400

/** Sends one request to a task, prints what it answers as it comes, and resolves with the exit status that its status means. */
export async function sendToTask(name: string, path: string, flags: InvokeFlags, terminal: Terminal): Promise<number> {
  using signals = new StopSignals(terminal.signals, terminal.stderr.isTTY)
  const { signal } = signals
  const { method } = flags
  const headers = readHeaders(flags.header ?? [])
  await using sent = flags.data === undefined ? undefined : await openData(flags.data, terminal.stdin)
  const length = sent?.bytes === undefined ? {} : { 'content-length': `${sent.bytes}` }
  const body = sent === undefined ? {} : { body: sent.body }
  return await withClient(flags, terminal, async (client) => {
    const invocation = { path, headers: { ...length, ...headers }, ...(method !== undefined && { method }), ...body }
    const answer = await client.invoke(name, { ...invocation, signal })
    await print(answer, flags, terminal)
    if (answer.status < FIRST_ERROR) return EXIT.ok
    terminal.stderr.write(`errand: the task answered with ${answer.status}\n`)
    return EXIT.taskError
  })
}

async function print(answer: InvocationAnswer, flags: InvokeFlags, { stdout }: Terminal): Promise<void> {
  if (flags.json === true) return printJson(stdout, await wholeAnswer(answer))
  const output = foreignOutput(stdout, { raw: flags.raw === true })
  try {
    if (flags.include === true) output.write(Buffer.from(describeHead(answer)))
    for await (const piece of answer.body) {
      output.write(piece as Buffer)
      await stdout.taken()
    }
  } finally {
    output.end()
  }
}

/** `base64` is there instead of `body` where that is no text. */
async function wholeAnswer({ status, headers, body, trailers }: InvocationAnswer): Promise<object> {
  const bytes = await buffer(body)
  const text = bytes.toString('utf8')
  const told = Buffer.from(text).equals(bytes) ? { body: text } : { base64: bytes.toString('base64') }
  return { status, headers, ...told, trailers }
}

function describeHead({ status, headers }: InvocationAnswer): string {
  const lines = Object.entries(headers).flatMap(([name, value = []]) =>
    [value].flat().map((each) => `${name}: ${each}`),
  )
  return [`HTTP/1.1 ${status}`, ...lines, '', ''].join('\n')
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
