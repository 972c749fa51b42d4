import { mkdir, readdir, rename, rmdir, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { randomId } from '../core/ids.ts'
import { OpenPath, systemCode } from './open-path.ts'

/**
 * Removes a file or folder with all that is in it, and nothing else: every folder is opened without following links and
 * emptied by way of what was opened, so that a name which comes to mean something else meanwhile leads nowhere. Nothing is
 * wrong with a path that does not exist. Rejects with the system's error.
 */
export async function removeTree(path: string): Promise<void> {
  if (await isUnlinked(path)) return
  {
    using folder = await OpenPath.open(path, true)
    for (const name of await readdir(folder.path)) await removeTree(`${folder.path}/${name}`)
  }
  await rmdir(path)
}

/**
 * The same by way of `trash`, a folder on the same file system that nobody else can open: what is in it cannot be found any
 * more by whoever knew its path. Left over after a crash, it is removed by `removeTree(trash)`.
 */
export async function discardTree(path: string, trash: string): Promise<void> {
  await mkdir(trash, { recursive: true, mode: 0o700 })
  const place = join(trash, randomId())
  try {
    await rename(path, place)
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return
    throw error
  }
  await removeTree(place)
}

/** False for a folder. */
async function isUnlinked(path: string): Promise<boolean> {
  try {
    await unlink(path)
    return true
  } catch (error) {
    const code = systemCode(error)
    if (code === 'ENOENT') return true
    // Linux says EISDIR of a folder, POSIX EPERM.
    if (code === 'EISDIR' || code === 'EPERM') return false
    throw error
  }
}
