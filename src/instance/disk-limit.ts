import type { DiskUsage } from '../engine/engine.ts'

/** A file takes a block at least; a folder full of empty ones fills a disk as well as one large file does. */
const LEAST_FILE_BYTES = 4096
const FEWEST_INODES = 10_000

/** How many files a sandbox may have that may write so many bytes. */
export function diskLimit(diskBytes: number): DiskUsage {
  return { bytes: diskBytes, inodes: Math.max(FEWEST_INODES, Math.floor(diskBytes / LEAST_FILE_BYTES)) }
}

export function isBeyond(used: DiskUsage, limit: DiskUsage): boolean {
  return used.bytes > limit.bytes || used.inodes > limit.inodes
}
