import { readdir } from 'node:fs/promises'
import { unlessMissing } from '../util/unless-missing.ts'

/** What is in a folder; nothing where there is none. Rejects with the system's error, when it cannot be read for one. */
export async function namesIn(folder: string): Promise<string[]> {
  return (await readdir(folder).catch(unlessMissing)) ?? []
}
