import { open } from 'node:fs/promises'
import { ErrandError } from '../core/errors.ts'

/** The text of a file that its owner alone can read. @throws validation_failed, which names `key`, when it is not that */
export async function readSecretFile(key: string, path: string): Promise<string> {
  try {
    await using file = await open(path)
    const { mode } = await file.stat()
    if ((mode & 0o077) === 0) return await file.readFile('utf8')
  } catch (error) {
    throw unusableFile(key, path, (error as NodeJS.ErrnoException).code ?? String(error), error)
  }
  throw unusableFile(key, path, 'others can read it: its mode must be 0600')
}

export function unusableFile(key: string, path: string, why: string, cause?: unknown): ErrandError {
  return new ErrandError('validation_failed', `${key} ${path} cannot be used: ${why}`, { cause })
}
