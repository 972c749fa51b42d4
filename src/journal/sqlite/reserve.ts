import { closeSync, existsSync, fsyncSync, openSync, statfsSync, statSync, writeFileSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'

const PIECE_BYTES = 2 ** 20
/** `st_blocks` counts in these, whatever the file system. */
const BLOCK_BYTES = 512
/** What opening a journal takes at the most, and taking up what it tells of, is less than that. */
const LEAST_BYTES = 8 * 2 ** 20
/** This share of the reserve must be free beside it, so that it is not taken just to be released again. */
const MARGIN = 0.125

/**
 * Room on the disk of the journal that is given up when the rest is used up, so that what runs can still be settled. Its
 * file stays, empty, so that it also tells that there has been a journal.
 */
export class Reserve {
  readonly #file: string
  readonly #bytes: number
  #isHeld: boolean

  private constructor(file: string, bytes: number) {
    this.#file = file
    this.#bytes = bytes
    this.#isHeld = allocatedBytes(file) >= bytes
  }

  /** Beside a database that is there. It is not held where the disk has no room for it. */
  static open(databasePath: string, bytes: number): Reserve {
    const reserve = new Reserve(fileOf(databasePath), bytes)
    if (!Reserve.isKnown(databasePath)) reserve.#empty()
    if (!reserve.isHeld) reserve.take()
    return reserve
  }

  /** Whether there has been a journal here. */
  static isKnown(databasePath: string): boolean {
    return existsSync(fileOf(databasePath))
  }

  get isHeld(): boolean {
    return this.#isHeld
  }

  /** Gives its room to the journal. False when that was done before, or cannot be done. */
  release(): boolean {
    if (!this.#isHeld) return false
    this.#isHeld = false
    return this.#empty()
  }

  /** Takes its room again as soon as there is enough. */
  take(): void {
    try {
      const { bavail, bsize } = statfsSync(dirname(this.#file))
      if (bavail * bsize < this.#bytes * (1 + MARGIN)) return
      fill(this.#file, this.#bytes)
      this.#isHeld = true
    } catch {
      // Somebody else was faster, or nothing can be written now.
      this.#empty()
    }
  }

  #empty(): boolean {
    try {
      writeFileSync(this.#file, '', { mode: 0o600 })
      return true
    } catch {
      return false
    }
  }
}

/**
 * Gives up the reserve beside a journal that is not open, where the disk has so little room that it could not be opened.
 * Never fails.
 */
export function makeRoom(databasePath: string): void {
  try {
    const { bavail, bsize } = statfsSync(dirname(databasePath))
    if (bavail * bsize >= LEAST_BYTES || !Reserve.isKnown(databasePath)) return
    writeFileSync(fileOf(databasePath), '')
  } catch {
    // Whoever needs the room says what is the matter.
  }
}

function fileOf(databasePath: string): string {
  return `${databasePath}.reserve`
}

/** A file may be long and have no room of its own. */
function allocatedBytes(file: string): number {
  const stats = statSync(file, { throwIfNoEntry: false })
  return stats === undefined ? -1 : Math.min(stats.size, stats.blocks * BLOCK_BYTES)
}

function fill(file: string, bytes: number): void {
  const descriptor = openSync(file, 'w', 0o600)
  try {
    const piece = Buffer.alloc(PIECE_BYTES)
    for (let written = 0; written < bytes; ) {
      written += writeSync(descriptor, piece, 0, Math.min(PIECE_BYTES, bytes - written))
    }
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}
