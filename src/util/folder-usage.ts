import { constants, type Stats } from 'node:fs'
import { type FileHandle, lstat, open, opendir, readlink, realpath } from 'node:fs/promises'
import { type Usage, UsageCount } from './usage-count.ts'

// Names are bytes and need not be UTF-8. As latin1 each byte is one character, so that none is lost.
const ENCODING = 'latin1'
/** Files looked at together. */
const BATCH = 64
/** What a writer's changes make of a path that was there a moment ago. */
const CHANGED: readonly unknown[] = ['ENOENT', 'ENOTDIR', 'ELOOP']

/**
 * What is in a folder, the folder itself left out, while somebody hostile may write to it. Follows no link. Stops
 * once a limit is passed. A folder with a path longer than the kernel takes could hide anything: it counts as beyond both
 * limits.
 * @throws what the file system says of a folder that cannot be read; signal.reason
 */
export async function folderUsage(folder: string, limit: Usage, signal: AbortSignal): Promise<Usage> {
  const count = new UsageCount(limit)
  const pending = [Buffer.from(await realpath(folder)).toString(ENCODING)]
  for (let path = pending.pop(); path !== undefined && !count.isBeyond; path = pending.pop()) {
    try {
      await countFolder(path, count, pending, signal)
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : undefined
      if (code === 'ENAMETOOLONG') count.exceed()
      else if (!CHANGED.includes(code)) throw error
    }
  }
  return count.usage
}

/** Counts what lies directly in a folder; the folders among it are left pending. */
async function countFolder(path: string, count: UsageCount, pending: string[], signal: AbortSignal): Promise<void> {
  const flags = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW
  await using handle = await open(Buffer.from(path, ENCODING), flags)
  // One of the folders above may have become a link since. What is open stays what it is, whatever its name means later.
  if ((await readlink(pathOf(handle), ENCODING)) !== path) return
  for await (const names of batches(pathOf(handle))) {
    signal.throwIfAborted()
    const found = await Promise.all(names.map(async (name) => ({ name, stats: await look(handle, name) })))
    for (const { name, stats } of found) {
      if (stats === undefined) continue
      count.add(stats)
      if (stats.isDirectory()) pending.push(`${path}/${name}`)
    }
    if (count.isBeyond) return
  }
}

function pathOf(handle: FileHandle): string {
  return `/proc/self/fd/${handle.fd}`
}

async function* batches(folder: string): AsyncGenerator<string[]> {
  let names: string[] = []
  for await (const { name } of await opendir(folder, { encoding: ENCODING, bufferSize: BATCH })) {
    names.push(name)
    if (names.length < BATCH) continue
    yield names
    names = []
  }
  yield names
}

async function look(handle: FileHandle, name: string): Promise<Stats | undefined> {
  try {
    return await lstat(Buffer.from(`${pathOf(handle)}/${name}`, ENCODING))
  } catch (error) {
    if (error instanceof Error && 'code' in error && CHANGED.includes(error.code)) return undefined
    throw error
  }
}
