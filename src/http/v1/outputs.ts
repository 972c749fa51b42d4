import type { IncomingMessage } from 'node:http'
import { ErrandError } from '../../core/errors.ts'
import type { ResultReader } from '../../service/executions/result-reader.ts'
import { readOutput, readOutputs } from '../contract/operations/executions.ts'
import { ownRecord } from './ownership.ts'
import { type Route, route } from './route.ts'
import { StreamAnswer } from './stream-answer.ts'

const ONE_RANGE = /^bytes=([0-9]{1,15})-([0-9]{1,15})?$/

/** `GET /v1/executions/{id}/outputs` and all below it: bytes that a browser saves, and never shows. */
export const OUTPUT_ROUTES: readonly Route[] = [readOutputs, readOutput].map((operation) =>
  route(operation, async ({ request, response, principal, id, tail, signal }, { executions, clock, streams }) => {
    await ownRecord(executions, principal, id)
    const path = partsOf(tail)
    using _slot = streams.take(principal.caller.id)
    await using result = await executions.openResult(id, path)
    const { status, headers, start, bytes } = headOf(request, result, id)
    using answer = new StreamAnswer(response, clock, signal)
    answer.begin(result.bytes === undefined ? 'application/x-tar' : 'application/octet-stream', status, headers)
    if (answer.isOver) return undefined
    for await (const piece of result.read(start, bytes)) await answer.write(piece)
    answer.end()
    return undefined
  }),
)

/** The parts of a tail such as `/model/weights%20v1`, each decoded once. @throws not_found */
function partsOf(tail: string): string[] {
  try {
    return tail.split('/').slice(1).map(decodeURIComponent)
  } catch {
    throw new ErrandError('not_found', 'the path is no percent-encoded UTF-8')
  }
}

interface Head {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly start: number
  readonly bytes: number
}

/** Of several ranges, and of one that is not in the file, everything is sent, as RFC 9110 allows. */
function headOf({ headers }: IncomingMessage, { name, bytes: size }: ResultReader, id: string): Head {
  const fileName = size === undefined ? `${name ?? `${id}-outputs`}.tar` : (name ?? id)
  const always = { 'content-disposition': dispositionOf(fileName) }
  if (size === undefined) return { status: 200, headers: always, start: 0, bytes: 0 }
  const offered = { ...always, 'accept-ranges': 'bytes' }
  const range = headers['if-range'] === undefined ? rangeIn(headers.range, size) : undefined
  if (range === undefined) {
    return { status: 200, headers: { ...offered, 'content-length': `${size}` }, start: 0, bytes: size }
  }
  const { start, end } = range
  const part = { 'content-length': `${end - start + 1}`, 'content-range': `bytes ${start}-${end}/${size}` }
  return { status: 206, headers: { ...offered, ...part }, start, bytes: end - start + 1 }
}

function rangeIn(text: string | undefined, size: number): { start: number; end: number } | undefined {
  const [, first, last] = ONE_RANGE.exec(text ?? '') ?? []
  if (first === undefined) return undefined
  const [start, end] = [Number(first), Math.min(Number(last ?? size - 1), size - 1)]
  return start <= end ? { start, end } : undefined
}

/** RFC 6266: a plain name for everybody, and the real one for those who can read it. */
function dispositionOf(name: string): string {
  const plain = name.replaceAll(/[^\w.-]/g, '_')
  const exact = encodeURIComponent(name).replaceAll(/['()*]/g, (each) => `%${each.charCodeAt(0).toString(16)}`)
  return `attachment; filename="${plain}"; filename*=UTF-8''${exact}`
}
