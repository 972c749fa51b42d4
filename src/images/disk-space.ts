import { statfs } from 'node:fs/promises'

export interface DiskSpace {
  readonly totalBytes: number
  /** What may still be written by those who are not root. */
  readonly freeBytes: number
}

/** Undefined where the disk cannot be looked at from here. Never rejects. */
export type DiskProbe = () => Promise<DiskSpace | undefined>

/** The file system that a folder is on. */
export function probeDisk(folder: string): DiskProbe {
  return async () => {
    try {
      const { blocks, bfree, bavail, bsize } = await statfs(folder)
      // What is kept for root is neither used nor free, as `df` counts.
      return { totalBytes: (blocks - bfree + bavail) * bsize, freeBytes: bavail * bsize }
    } catch {
      return undefined
    }
  }
}
