import { buffer } from 'node:stream/consumers'
import type { InvocationAnswer } from '../../client/client.ts'
import { EXIT } from '../exit-status.ts'
import { foreignOutput } from '../output/foreign-output.ts'
import { printJson } from '../output/json.ts'
import type { Terminal } from '../terminal.ts'

/** How an answer is shown. */
export interface AnswerFlags {
  readonly include?: boolean
  readonly raw?: boolean
  readonly json?: boolean
}

/** What a task has answered; one that was kept has no trailers. */
type ShownAnswer = Omit<InvocationAnswer, 'trailers'> & Partial<Pick<InvocationAnswer, 'trailers'>>

/** The first status that says that something is wrong. */
const FIRST_ERROR = 400

/** Prints what a task has answered as it comes, and resolves with the exit status that its status means. */
export async function printAnswer(answer: ShownAnswer, flags: AnswerFlags, terminal: Terminal): Promise<number> {
  await print(answer, flags, terminal)
  const status = answerStatus(answer.status)
  // In JSON it has been told.
  if (status !== EXIT.ok && flags.json !== true)
    terminal.stderr.write(`errand: the task answered with ${answer.status}\n`)
  return status
}

/** What a command ends with when a task has answered so. */
export function answerStatus(status: number): number {
  return status < FIRST_ERROR ? EXIT.ok : EXIT.taskError
}

async function print(answer: ShownAnswer, flags: AnswerFlags, { stdout }: Terminal): Promise<void> {
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
async function wholeAnswer({ status, headers, body, trailers }: ShownAnswer): Promise<object> {
  const bytes = await buffer(body)
  const text = bytes.toString('utf8')
  const told = Buffer.from(text).equals(bytes) ? { body: text } : { base64: bytes.toString('base64') }
  return { status, headers, ...told, ...(trailers !== undefined && { trailers }) }
}

function describeHead({ status, headers }: ShownAnswer): string {
  const lines = Object.entries(headers).flatMap(([name, value = []]) =>
    [value].flat().map((each) => `${name}: ${each}`),
  )
  return [`HTTP/1.1 ${status}`, ...lines, '', ''].join('\n')
}
