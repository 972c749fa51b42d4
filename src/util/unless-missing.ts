/** For a look at what may not be there: undefined where it is not. @throws whatever else the file system said */
export function unlessMissing(error: unknown): undefined {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
  throw error
}
