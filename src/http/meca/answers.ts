import { StringDecoder } from 'node:string_decoder'
import type { ErrandError } from '../../core/errors.ts'
import type { TaskAnswer } from '../../service/node-api.ts'

/** How the face words its answers: as the original did, or (`rich`) with a code and whatever else helps a program. */
export type Wording = 'rich' | 'strict'

/** Of a task's body that is made into JSON at once. Escapes can make six of each. */
const PIECE_BYTES = 64 * 1024

/** The size of a task's body. */
export function bodyBytes({ body, pieces }: TaskAnswer): number {
  return pieces === undefined ? body.length : pieces.reduce((sum, piece) => sum + piece.length, 0)
}

/** Whether a task's answer is better sent in pieces than as one text. */
export function isLarge(answer: TaskAnswer): boolean {
  return bodyBytes(answer) > PIECE_BYTES
}

/** What a task answered. Its own error status is a failure of the task: no code of ours belongs to it. */
export function taskAnswer(answer: TaskAnswer, wording: Wording): string {
  const { head, tail } = envelope(answer, wording)
  return `${head}${escaped(answer.body.toString('utf8'))}${tail}`
}

/** The same, piece by piece: neither the body as text nor all of the JSON is ever in memory. */
export function* taskAnswerPieces(answer: TaskAnswer, wording: Wording): Generator<string, void> {
  const { head, tail } = envelope(answer, wording)
  const decoder = new StringDecoder('utf8')
  yield head
  for (const piece of answer.pieces ?? [answer.body]) {
    for (let at = 0; at < piece.length; at += PIECE_BYTES) {
      yield escaped(decoder.write(piece.subarray(at, at + PIECE_BYTES)))
    }
  }
  yield `${escaped(decoder.end())}${tail}`
}

/** What stands around the escaped body. */
function envelope({ status }: TaskAnswer, wording: Wording): { readonly head: string; readonly tail: string } {
  const isSuccess = status >= 200 && status < 300
  if (isSuccess || wording === 'strict') return { head: '{"success":true,"msg":"', tail: '"}' }
  return { head: '{"success":false,"msg":"', tail: `","status":${status}}` }
}

function escaped(text: string): string {
  return JSON.stringify(text).slice(1, -1)
}

/** What the node could not do, or would not. */
export function failure(error: ErrandError, wording: Wording): string {
  const plain = { success: false, msg: error.message }
  if (wording === 'strict') return JSON.stringify(plain)
  const { code, retryAfterMs, details } = error
  const coded = { ...plain, code, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) }
  return Object.keys(details).length === 0 ? JSON.stringify(coded) : withDetails(coded, details)
}

/** Details may hold what JSON cannot: the failure must be answered all the same. */
function withDetails(answer: object, details: object): string {
  try {
    return JSON.stringify({ ...answer, details })
  } catch {
    return JSON.stringify(answer)
  }
}

/** What a control call did. `config` is left out where the original had no such field. */
export function done(msg: string, wording: Wording, config?: object): string {
  const isPlain = config === undefined || wording === 'strict'
  return JSON.stringify(isPlain ? { success: true, msg } : { success: true, msg, config })
}
