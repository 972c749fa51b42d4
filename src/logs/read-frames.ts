import type { FileHandle } from 'node:fs/promises'
import { type Frame, frameAt, HEADER_BYTES } from './frames.ts'

/** Holds several frames of the largest kind. */
const MOST_BYTES = 256 * 1024

export interface FrameBatch {
  readonly frames: readonly Frame[]
  /** Where the next batch begins; `from` when there is no whole frame. */
  readonly next: number
}

/** Some of the frames of a file between two offsets, in a buffer of their own. */
export async function readFrames(file: FileHandle, from: number, until: number): Promise<FrameBatch> {
  const length = Math.min(MOST_BYTES, until - from)
  if (length <= 0) return { frames: [], next: from }
  const buffer = Buffer.allocUnsafeSlow(length)
  const { bytesRead } = await file.read(buffer, 0, length, from)
  const source = buffer.subarray(0, bytesRead)
  const frames: Frame[] = []
  let at = 0
  for (let frame = frameAt(source, at); frame !== undefined; frame = frameAt(source, at)) {
    frames.push(frame)
    at += HEADER_BYTES + frame.data.length
  }
  return { frames, next: from + at }
}
