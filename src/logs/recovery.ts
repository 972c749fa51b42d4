import { open, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Extent } from './extent.ts'
import { END, type Frame, GAP, pass, START, startPosition, streamOf } from './frames.ts'
import { readFrames } from './read-frames.ts'
import type { Room } from './room.ts'
import { Segment } from './segment.ts'

export const HEAD_NAME = 'head'
const TAIL_NAME = /^tail-(\d+)$/

export function tailName(number: number): string {
  return `tail-${number}`
}

/** The segments that are in a folder. */
export interface RecoveredSegments {
  /** Oldest first. */
  readonly segments: Segment[]
  readonly isEnded: boolean
  /** Of the newest segment of the tail. */
  readonly tailNumber: number
}

/**
 * Finds out what an earlier process left in a folder, and changes nothing: whoever writes to a segment cuts off a frame that
 * was not written in full.
 * @throws what the file system does
 */
export async function recoverSegments(folder: string, head: Room, tailPart: Room): Promise<RecoveredSegments> {
  const names = await readdir(folder)
  const numbers = names.flatMap((name) => TAIL_NAME.exec(name)?.[1] ?? []).map(Number)
  numbers.sort((a, b) => a - b)
  const segments: Segment[] = []
  let isEnded = false
  for (const name of [...(names.includes(HEAD_NAME) ? [HEAD_NAME] : []), ...numbers.map(tailName)]) {
    const found = await readSegment(join(folder, name), name === HEAD_NAME ? head : tailPart)
    if (found === undefined) continue
    segments.push(found.segment)
    isEnded = found.isEnded
  }
  return { segments, isEnded, tailNumber: numbers.at(-1) ?? 0 }
}

/** Undefined when not even its beginning was written; another may take its place. */
async function readSegment(path: string, room: Room): Promise<{ segment: Segment; isEnded: boolean } | undefined> {
  const count = await countFrames(path)
  if (count.first?.kind !== START) return undefined
  const start = startPosition(count.first)
  const end = new Extent(start)
  end.add(count.extent)
  const contents = { ...count, end, isTorn: count.size > count.fileBytes }
  return { segment: new Segment(path, start, count.first.timeMs, room, contents), isEnded: count.isEnded }
}

interface Count extends Room {
  readonly first: Frame | undefined
  readonly extent: Extent
  /** Up to the end of the last whole frame. */
  readonly fileBytes: number
  readonly size: number
  readonly isEnded: boolean
}

async function countFrames(path: string): Promise<Count> {
  const extent = new Extent()
  let first: Frame | undefined
  let [bytes, entries, isEnded, offset] = [0, 0, false, 0]
  await using file = await open(path, 'r')
  const { size } = await file.stat()
  for (;;) {
    const { frames, next } = await readFrames(file, offset, size)
    if (frames.length === 0) return { first, extent, fileBytes: offset, size, bytes, entries, isEnded }
    first ??= frames[0]
    for (const frame of frames) {
      pass(extent, frame)
      if (streamOf(frame.kind) !== undefined) bytes += frame.data.length
      if (streamOf(frame.kind) !== undefined || frame.kind === GAP) entries += 1
      isEnded ||= frame.kind === END
    }
    offset = next
  }
}
