import { Readable } from 'node:stream'
import { headerOf } from './whole-answer.ts'
import type { WireAnswer } from './wire.ts'

/** What is sent as it comes. Its body is to be read to the end or destroyed, or a connection stays taken. */
export interface Download {
  readonly status: number
  /** By name in small letters; those that came more than once are lists. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  /** `application/x-tar`, or `application/octet-stream` for a file as it is. */
  readonly contentType: string
  /** Undefined where nobody knows before the end, as for an archive. */
  readonly bytes: number | undefined
  /** Fails, with a code, when it was cut off: what ends without an error is whole. */
  readonly body: Readable
}

/** `explain`: what a failure in the middle means. */
export function downloadOf(answer: WireAnswer, explain: (error: unknown) => unknown): Download {
  const length = headerOf(answer, 'content-length')
  const body = Readable.from(read(answer.body, explain), { objectMode: false })
  // A generator that was never begun does not end what it would have read.
  body.once('close', () => answer.body.destroy())
  answer.body.on('error', () => {})
  return {
    status: answer.statusCode,
    headers: answer.headers,
    contentType: headerOf(answer, 'content-type'),
    bytes: length === '' ? undefined : Number(length),
    body,
  }
}

async function* read(body: Readable, explain: (error: unknown) => unknown): AsyncGenerator<Buffer, void, undefined> {
  try {
    for await (const chunk of body) yield chunk as Buffer
  } catch (error) {
    throw explain(error)
  }
}
