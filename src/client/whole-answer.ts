import { ErrandError } from '../core/errors.ts'
import { GrowingBuffer } from '../util/growing-buffer.ts'
import { answerError } from './answer-error.ts'
import type { WireAnswer } from './wire.ts'

/** Of an answer that is held in memory: much more than the largest page or command output of a node. */
const MOST_ANSWER_BYTES = 64 * 1024 * 1024
/** Of one that is a refusal. */
const MOST_REFUSAL_BYTES = 1024 * 1024

/** The JSON of a good answer. @throws response_too_large; internal for what is no JSON; what the connection fails with */
export async function readJson(answer: WireAnswer): Promise<unknown> {
  const text = await readText(answer, MOST_ANSWER_BYTES)
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new ErrandError('internal', `answered with ${answer.statusCode} and no JSON`, { cause })
  }
}

/** The error in an answer that is a refusal, or none that was expected. */
export async function readRefusal(answer: WireAnswer): Promise<ErrandError> {
  const text = await readText(answer, MOST_REFUSAL_BYTES)
  const { statusCode: status } = answer
  return answerError({
    status,
    contentType: headerOf(answer, 'content-type'),
    retryAfter: headerOf(answer, 'retry-after'),
    text,
  })
}

/** Empty for a header that is not there. */
export function headerOf({ headers }: WireAnswer, name: string): string {
  const value = headers[name]
  return (Array.isArray(value) ? value[0] : value) ?? ''
}

async function readText({ body }: WireAnswer, mostBytes: number): Promise<string> {
  const gathered = new GrowingBuffer()
  // Leaving the loop by an error destroys the body, and its connection with it.
  for await (const chunk of body) {
    gathered.add(chunk as Buffer)
    if (gathered.size > mostBytes) {
      throw new ErrandError('response_too_large', `the answer has more than ${mostBytes} bytes`)
    }
  }
  return gathered.take().toString('utf8')
}
