import { constants, type Dirent } from 'node:fs'
import { open, readdir } from 'node:fs/promises'
import { join } from 'node:path'

const { O_RDONLY, O_NOFOLLOW } = constants
/** As many calls as Node has threads for; a file system commits what is asked for at the same time together. */
const AT_ONCE = 4
const READ = 0o444
const WRITE = 0o222
const ENTER = 0o111
const OWNER_MAY_EXECUTE = 0o100

/**
 * Opens a tree of plain files and folders, which nobody else can reach yet, to every user of the sandbox that it is for,
 * and brings it onto the disk: once this has resolved, a power failure takes nothing of it. `isWritable` tells of each
 * name at the top whether it may be changed. Rejects with the system's error.
 */
export async function settleTree(root: string, isWritable: (topName: string) => boolean): Promise<void> {
  const entries = walk(root, isWritable)
  // They take turns at one walk, which ends for all of them when one fails.
  const walkers = Array.from({ length: AT_ONCE }, () => settleAll(entries))
  const settled = await Promise.allSettled(walkers)
  for (const each of settled) if (each.status === 'rejected') throw each.reason
  await settleOne(root, 0)
}

/** Brings onto the disk which names a folder has. */
export async function syncFolder(path: string): Promise<void> {
  await settleOne(path, 0)
}

interface Entry {
  readonly path: string
  readonly isFolder: boolean
  readonly isWritable: boolean
}

async function* walk(root: string, isWritable: (topName: string) => boolean): AsyncGenerator<Entry> {
  const folders: { readonly path: string; readonly isWritable: boolean | undefined }[] = [
    { path: root, isWritable: undefined },
  ]
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for (const found of await readdir(folder.path, { withFileTypes: true })) {
      const entry = entryOf(folder.path, found, folder.isWritable ?? isWritable(found.name))
      if (entry.isFolder) folders.push(entry)
      yield entry
    }
  }
}

function entryOf(folder: string, found: Dirent, isWritable: boolean): Entry {
  return { path: join(folder, found.name), isFolder: found.isDirectory(), isWritable }
}

async function settleAll(entries: AsyncGenerator<Entry>): Promise<void> {
  for await (const { path, isFolder, isWritable } of entries) {
    await settleOne(path, READ | (isFolder ? ENTER : 0) | (isWritable ? WRITE : 0))
  }
}

async function settleOne(path: string, wanted: number): Promise<void> {
  await using handle = await open(path, O_RDONLY | O_NOFOLLOW)
  if (wanted !== 0) {
    const mode = (await handle.stat()).mode & 0o777
    const execute = (mode & OWNER_MAY_EXECUTE) === 0 ? 0 : ENTER
    await handle.chmod(mode | wanted | execute)
  }
  await handle.sync()
}
