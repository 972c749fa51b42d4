import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'

/** A span as a collector gets it. */
export interface CollectedSpan {
  readonly traceId: string
  readonly spanId: string
  /** Empty for the first of its trace. */
  readonly parentId: string
  readonly name: string
  readonly kind: number
  readonly startNs: bigint
  readonly endNs: bigint
  readonly attributes: Readonly<Record<string, unknown>>
  /** 2: an error, with `message`. */
  readonly status: { readonly code: number; readonly message: string }
  readonly resource: Readonly<Record<string, unknown>>
}

/** Takes spans over HTTP, as a collector of OpenTelemetry does, and keeps them. */
export class OtlpCollector implements AsyncDisposable {
  readonly spans: CollectedSpan[] = []
  readonly requests: { readonly path: string; readonly headers: IncomingHttpHeaders }[] = []
  /** With which requests are answered. */
  status = 200
  readonly #server = createServer(((request, response) => {
    void this.#take(request).then(() => response.writeHead(this.status).end())
  }) satisfies RequestListener)
  #onSpans: () => void = () => {}

  static async open(): Promise<OtlpCollector> {
    const collector = new OtlpCollector()
    collector.#server.listen(0, '127.0.0.1')
    await once(collector.#server, 'listening')
    return collector
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** Resolves with the first span that `isIt`, past or to come. */
  async until(isIt: (span: CollectedSpan) => boolean): Promise<CollectedSpan> {
    for (;;) {
      const found = this.spans.find(isIt)
      if (found !== undefined) return found
      await this.next()
    }
  }

  /** Resolves when another request has come. */
  next(): Promise<void> {
    return new Promise((resolve) => {
      this.#onSpans = resolve
    })
  }

  childrenOf({ traceId, spanId }: CollectedSpan): CollectedSpan[] {
    return this.spans.filter((span) => span.traceId === traceId && span.parentId === spanId)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }

  async #take(request: Parameters<RequestListener>[0]): Promise<void> {
    const body = await buffer(request)
    this.requests.push({ path: request.url ?? '', headers: request.headers })
    if (this.status === 200) this.spans.push(...readRequest(body))
    this.#onSpans()
  }
}

/** The fields of one protobuf message, by number: numbers and lengths as they come, the rest as bytes. */
type Fields = ReadonlyMap<number, readonly (bigint | Buffer)[]>

function readFields(bytes: Buffer): Fields {
  const fields = new Map<number, (bigint | Buffer)[]>()
  let at = 0
  const varint = (): bigint => {
    let value = 0n
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++] ?? 0
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return value
    }
  }
  const taken = (length: number): Buffer => {
    at += length
    return bytes.subarray(at - length, at)
  }
  while (at < bytes.length) {
    const tag = Number(varint())
    const [number, type] = [tag >> 3, tag & 7]
    const value = type === 0 ? varint() : taken(type === 1 ? 8 : type === 5 ? 4 : Number(varint()))
    fields.set(number, [...(fields.get(number) ?? []), value])
  }
  return fields
}

function messages(fields: Fields, number: number): Fields[] {
  return (fields.get(number) ?? []).map((value) => readFields(value as Buffer))
}

function bytesOf(fields: Fields, number: number): Buffer {
  return (fields.get(number)?.[0] as Buffer | undefined) ?? Buffer.alloc(0)
}

function numberOf(fields: Fields, number: number): number {
  return Number(fields.get(number)?.[0] ?? 0)
}

function readRequest(body: Buffer): CollectedSpan[] {
  return messages(readFields(body), 1).flatMap((ofResource) => {
    const [resource = new Map()] = messages(ofResource, 1)
    const attributes = readAttributes(resource, 1)
    return messages(ofResource, 2).flatMap((ofScope) => messages(ofScope, 2).map((span) => readSpan(span, attributes)))
  })
}

function readSpan(span: Fields, resource: CollectedSpan['resource']): CollectedSpan {
  const [status = new Map()] = messages(span, 15)
  return {
    traceId: bytesOf(span, 1).toString('hex'),
    spanId: bytesOf(span, 2).toString('hex'),
    parentId: bytesOf(span, 4).toString('hex'),
    name: bytesOf(span, 5).toString(),
    kind: numberOf(span, 6),
    startNs: bytesOf(span, 7).readBigUInt64LE(),
    endNs: bytesOf(span, 8).readBigUInt64LE(),
    attributes: readAttributes(span, 9),
    status: { code: numberOf(status, 3), message: bytesOf(status, 2).toString() },
    resource,
  }
}

function readAttributes(fields: Fields, number: number): Record<string, unknown> {
  const pairs = messages(fields, number).map((pair) => {
    const [value = new Map()] = messages(pair, 2)
    return [bytesOf(pair, 1).toString(), readValue(value)]
  })
  return Object.fromEntries(pairs)
}

/** A text, a truth value or a whole number, below zero too. */
function readValue(value: Fields): unknown {
  if (value.has(1)) return bytesOf(value, 1).toString()
  if (value.has(2)) return numberOf(value, 2) === 1
  return Number(BigInt.asIntN(64, BigInt(numberOf(value, 3) === 0 ? 0 : (value.get(3)?.[0] as bigint))))
}
