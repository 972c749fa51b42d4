/** A disk, or somebody's share of it, that has no more room. */
const FULL: readonly unknown[] = ['ENOSPC', 'EDQUOT']

/** What an error of the file system amounts to for whoever asked. */
export function storageCodeOf(error: unknown): 'storage_full' | 'storage_error' {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return FULL.includes(code) ? 'storage_full' : 'storage_error'
}
