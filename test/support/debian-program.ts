import { rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { lock } from '../../examples/tasks/offline/command.ts'
import { unpackPackages } from '../../examples/tasks/offline/debian-packages.ts'
import { exists } from './exists.ts'

const CACHE = join(import.meta.dirname, '../../.cache')

/**
 * The path of a program of Debian's: the host's own, or that of the package, taken apart in the cache and not installed.
 * Test files run side by side, and one that was given the path may start the program at any time: what is unpacked is
 * whole before it has its name, and stays.
 */
export async function debianProgram(packageName: string, installed: string): Promise<string> {
  if (await exists(installed)) return installed
  const root = join(CACHE, packageName)
  const program = join(root, installed)
  await using _held = await lock(`${root}.lock`)
  if (await exists(program)) return program
  const partial = `${root}.partial`
  await rm(partial, { recursive: true, force: true })
  await unpackPackages([packageName], partial, join(CACHE, 'debian'))
  await rm(root, { recursive: true, force: true })
  await rename(partial, root)
  return program
}
