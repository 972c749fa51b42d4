import { mkdir, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { lock, run } from './command.ts'

/** Unpacks Debian packages into a folder without installing them, downloading those that `cache` does not hold yet. */
export async function unpackPackages(names: readonly string[], directory: string, cache: string): Promise<void> {
  const files = await fillCache(names, cache)
  for (const name of names) {
    const file = findFile(files, name)
    if (file === undefined) throw new Error(`apt-get did not download ${name}`)
    await run('dpkg', ['-x', join(cache, file), directory])
  }
}

/** One at a time fills a cache: several programs can share it. */
async function fillCache(names: readonly string[], cache: string): Promise<string[]> {
  await using _held = await lock(`${cache}.lock`)
  const present = await cachedFiles(cache)
  const missing = names.filter((name) => findFile(present, name) === undefined)
  if (missing.length === 0) return present
  await download(missing, cache)
  return await cachedFiles(cache)
}

async function cachedFiles(cache: string): Promise<string[]> {
  await mkdir(cache, { recursive: true })
  return readdir(cache)
}

/** Packages are stored as `name_version_architecture.deb`. */
function findFile(files: readonly string[], name: string): string | undefined {
  return files.find((file) => file.startsWith(`${name}_`))
}

/** Files move into the cache only when all have come, so that a download that was cut off never looks complete. */
async function download(names: readonly string[], cache: string): Promise<void> {
  const partial = join(cache, 'partial')
  await rm(partial, { recursive: true, force: true })
  await mkdir(partial)
  try {
    await run('apt-get', ['download', ...names], { cwd: partial })
  } catch {
    // A fresh machine has no package lists, an old one has lists of versions that are gone.
    await run('apt-get', ['update'])
    await run('apt-get', ['download', ...names], { cwd: partial })
  }
  for (const file of await readdir(partial)) await rename(join(partial, file), join(cache, file))
  await rm(partial, { recursive: true })
}
