import { readFile } from 'node:fs/promises'

/** Random, and another one after each start of this host. */
export async function readBootId(procRoot = '/proc'): Promise<string> {
  return (await readFile(`${procRoot}/sys/kernel/random/boot_id`, 'utf8')).trim()
}
