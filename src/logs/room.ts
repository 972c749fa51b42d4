import { HEADER_BYTES } from './frames.ts'

/** How much output fits somewhere: bytes without headers, and pieces. */
export interface Room {
  readonly bytes: number
  readonly entries: number
}

/** The tail of a log is given up in parts of this size. */
const TAIL_PARTS = 8
/** Headers may take as much of the disk as output does; so many pieces fit always. */
const LEAST_ENTRIES = 1024

/** The first half of what a log may keep. */
export function headRoom(limitBytes: number): Room {
  return roomFor(Math.floor(limitBytes / 2))
}

/** The second half. */
export function tailRoom(limitBytes: number): Room {
  return roomFor(limitBytes - Math.floor(limitBytes / 2))
}

/** One segment of the tail. */
export function partOf({ bytes, entries }: Room): Room {
  return { bytes: Math.max(1, Math.floor(bytes / TAIL_PARTS)), entries: Math.max(1, Math.floor(entries / TAIL_PARTS)) }
}

export function roomLeft(room: Room, taken: readonly Room[]): Room {
  const bytes = taken.reduce((left, part) => left - part.bytes, room.bytes)
  return {
    bytes: Math.max(0, bytes),
    entries: Math.max(
      0,
      taken.reduce((left, part) => left - part.entries, room.entries),
    ),
  }
}

export function smallerRoom(a: Room, b: Room): Room {
  return { bytes: Math.min(a.bytes, b.bytes), entries: Math.min(a.entries, b.entries) }
}

function roomFor(bytes: number): Room {
  return { bytes, entries: Math.max(LEAST_ENTRIES, Math.floor(bytes / HEADER_BYTES)) }
}
