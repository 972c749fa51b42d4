import { Extent, type LogStream } from './extent.ts'

/**
 * How a log lies on the disk: frames of a header (u32 little-endian: the kind in the upper 8 bits, the length in the
 * lower 24; f64 little-endian: milliseconds since the Unix epoch) and so many bytes. Zeros are no frame, since they are
 * what a file may end with after a power failure.
 */
export const HEADER_BYTES = 12
/** In one frame, so that readers get by with a small buffer. */
export const MAX_DATA_BYTES: number = 64 * 1024
/** Of what is no output: a few numbers as JSON. */
const MAX_FACTS_BYTES = 512

const STDOUT = 1
const STDERR = 2
/** In place of output; its facts are a `GapFacts`. */
export const GAP = 3
/** Comes first in a file; its facts are the position in the log. */
export const START = 4
/** The log has ended. */
export const END = 5

export interface GapFacts {
  readonly cause: 'limit' | 'missed'
  readonly extent: Extent
  /** Known of what was missed. */
  readonly bytes?: number
}

export interface Frame {
  readonly kind: number
  readonly timeMs: number
  readonly data: Buffer
}

export function putHeader(target: Buffer, at: number, kind: number, length: number, timeMs: number): void {
  target.writeUInt32LE(kind * 0x1000000 + length, at)
  target.writeDoubleLE(timeMs, at + 4)
}

export function kindOf(stream: LogStream): number {
  return stream === 'stdout' ? STDOUT : STDERR
}

/** Undefined for a kind that is no output. */
export function streamOf(kind: number): LogStream | undefined {
  if (kind === STDOUT) return 'stdout'
  return kind === STDERR ? 'stderr' : undefined
}

export function encodeFacts(kind: number, timeMs: number, facts: object): Buffer {
  const text = JSON.stringify(facts)
  const frame = Buffer.allocUnsafeSlow(HEADER_BYTES + Buffer.byteLength(text))
  putHeader(frame, 0, kind, frame.length - HEADER_BYTES, timeMs)
  frame.write(text, HEADER_BYTES)
  return frame
}

/** The frame at `at`, without a copy; undefined when there is no whole one. */
export function frameAt(source: Buffer, at: number): Frame | undefined {
  if (at + HEADER_BYTES > source.length) return undefined
  const header = source.readUInt32LE(at)
  const kind = header >>> 24
  const end = at + HEADER_BYTES + (header & 0xffffff)
  const isFrame = kind >= STDOUT && kind <= END && end - at - HEADER_BYTES <= mostBytes(kind)
  if (!isFrame || end > source.length) return undefined
  return { kind, timeMs: source.readDoubleLE(at + 4), data: source.subarray(at + HEADER_BYTES, end) }
}

export function gapFacts(frame: Frame): GapFacts {
  const facts = JSON.parse(frame.data.toString()) as GapFacts
  return { ...facts, extent: new Extent(facts.extent) }
}

export function startPosition(frame: Frame): Extent {
  return new Extent(JSON.parse(frame.data.toString()) as Extent)
}

/** Moves `position` past a frame. */
export function pass(position: Extent, frame: Frame): void {
  const stream = streamOf(frame.kind)
  if (stream !== undefined) position.addData(stream, frame.data.length)
  else if (frame.kind === GAP) position.add(gapFacts(frame).extent)
}

function mostBytes(kind: number): number {
  return streamOf(kind) === undefined ? MAX_FACTS_BYTES : MAX_DATA_BYTES
}
