import { statfs } from 'node:fs/promises'

export interface DiskSpace {
  readonly totalBytes: number
  /** What may still be written by those who are not root. */
  readonly freeBytes: number
  /** Share of its inodes that are free, 0 to 1; absent where the file system makes them as it needs them. */
  readonly freeInodes?: number
}

/** Undefined where the disk cannot be looked at from here. Never rejects. */
export type DiskProbe = () => Promise<DiskSpace | undefined>

/** The file system that a folder is on. */
export function probeDisk(folder: string): DiskProbe {
  return async () => {
    try {
      const { blocks, bfree, bavail, bsize, files, ffree } = await statfs(folder)
      // What is kept for root is neither used nor free, as `df` counts.
      const bytes = { totalBytes: (blocks - bfree + bavail) * bsize, freeBytes: bavail * bsize }
      return files === 0 ? bytes : { ...bytes, freeInodes: ffree / files }
    } catch {
      return undefined
    }
  }
}
