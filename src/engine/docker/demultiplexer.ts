import { ErrandError } from '../../core/errors.ts'
import type { OutputChunk, OutputSink } from '../engine.ts'

const HEADER_BYTES = 8
const LENGTH_OFFSET = 4

/** The first byte of a frame's header. 0, stdin, appears only where a client echoes it; Docker shows it as stdout. */
const STREAMS: readonly OutputChunk['stream'][] = ['stdout', 'stdout', 'stderr']

/**
 * Takes apart the Engine's stream of frames (a header of stream, three zeros and a big-endian length, then so many
 * bytes), however it is cut. Hands on views of what it is given: nothing is copied, whatever the size of a frame.
 */
export class Demultiplexer {
  readonly #sink: OutputSink
  readonly #header = Buffer.alloc(HEADER_BYTES)
  #headerBytes = 0
  #stream: OutputChunk['stream'] = 'stdout'
  #payloadLeft = 0

  constructor(sink: OutputSink) {
    this.#sink = sink
  }

  /** True between two frames. A stream that ends elsewhere was cut off. */
  get isComplete(): boolean {
    return this.#headerBytes === 0 && this.#payloadLeft === 0
  }

  /** @throws internal when this is no such stream */
  push(chunk: Buffer): void {
    let at = 0
    while (at < chunk.length) {
      at = this.#payloadLeft > 0 ? this.#takePayload(chunk, at) : this.#takeHeader(chunk, at)
    }
  }

  #takePayload(chunk: Buffer, at: number): number {
    const end = Math.min(chunk.length, at + this.#payloadLeft)
    this.#payloadLeft -= end - at
    this.#sink({ stream: this.#stream, data: chunk.subarray(at, end) })
    return end
  }

  #takeHeader(chunk: Buffer, at: number): number {
    const end = Math.min(chunk.length, at + HEADER_BYTES - this.#headerBytes)
    chunk.copy(this.#header, this.#headerBytes, at, end)
    this.#headerBytes += end - at
    if (this.#headerBytes === HEADER_BYTES) this.#beginFrame()
    return end
  }

  #beginFrame(): void {
    const stream = STREAMS[this.#header.readUInt8(0)]
    if (stream === undefined) throw new ErrandError('internal', 'the Docker Engine sent a malformed output stream')
    this.#stream = stream
    this.#payloadLeft = this.#header.readUInt32BE(LENGTH_OFFSET)
    this.#headerBytes = 0
  }
}

/** The chunks of a stream, read only as fast as they are consumed. @throws engine_unavailable when it was cut off */
export async function* demultiplex(body: AsyncIterable<Buffer>): AsyncGenerator<OutputChunk> {
  let ready: OutputChunk[] = []
  const demultiplexer = new Demultiplexer((chunk) => ready.push(chunk))
  for await (const chunk of body) {
    demultiplexer.push(chunk)
    yield* ready
    ready = []
  }
  if (!demultiplexer.isComplete) {
    throw new ErrandError('engine_unavailable', 'the Docker Engine cut the output short', { retryAfterMs: 1000 })
  }
}
