import { readdir } from 'node:fs/promises'
import { systemCode } from './open-path.ts'

/** What is in a folder; nothing where there is none. Rejects with the system's error, when it cannot be read for one. */
export async function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return []
    throw error
  })
}
