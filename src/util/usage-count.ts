import type { Stats } from 'node:fs'

const BLOCK_BYTES = 512

export interface Usage {
  readonly bytes: number
  /** Files and folders. */
  readonly inodes: number
}

/** Adds files up. One counts for its length or for the blocks that it takes, whichever is more: a sparse one counts. */
export class UsageCount {
  readonly #limit: Usage
  readonly #seen = new Set<string>()
  #bytes = 0
  #inodes = 0

  constructor(limit: Usage) {
    this.#limit = limit
  }

  get usage(): Usage {
    return { bytes: this.#bytes, inodes: this.#inodes }
  }

  get isBeyond(): boolean {
    return this.#bytes > this.#limit.bytes || this.#inodes > this.#limit.inodes
  }

  exceed(): void {
    this.#bytes = Math.max(this.#bytes, this.#limit.bytes + 1)
    this.#inodes = Math.max(this.#inodes, this.#limit.inodes + 1)
  }

  /** A file with several names, or with none, may be met again, and counts once. */
  add(stats: Stats): void {
    if (stats.nlink !== 1 && !stats.isDirectory() && !this.#isFirst(stats)) return
    this.#bytes += Math.max(stats.size, stats.blocks * BLOCK_BYTES)
    this.#inodes += 1
  }

  #isFirst({ dev, ino }: Stats): boolean {
    const before = this.#seen.size
    return this.#seen.add(`${dev}:${ino}`).size > before
  }
}
