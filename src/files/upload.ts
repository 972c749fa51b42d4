import { mkdir, readdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { ErrandError } from '../core/errors.ts'
import type { Allowance } from './allowance.ts'
import { unpackTar } from './guarded-tar.ts'
import { OpenPath } from './open-path.ts'
import { removeTree } from './remove-tree.ts'
import { settleTree, syncFolder } from './settle-tree.ts'
import { TreeWriter, toStorageError } from './tree-writer.ts'

export interface UploadPlace {
  /** Made by the upload; those that it is in are made too, down from `root`. Removed when it fails. */
  readonly folder: string
  /** Ours, and there already. */
  readonly root: string
  readonly allowance: Allowance
  /** What has to be at the top of the archive, and whether it may be changed by whoever it is for. */
  readonly names: ReadonlyMap<string, boolean>
}

/**
 * Receives a tar archive of files that are for a sandbox. When this has resolved they are whole and on the disk, whatever
 * happens to this host; else there is nothing. Memory does not grow with the archive.
 * @throws validation_failed for an archive that holds what it may not, lacks what it must, or is too much; storage_full;
 * storage_error; what `tar` rejects with; signal.reason
 */
export async function receiveUpload(
  tar: AsyncIterable<Uint8Array>,
  { folder, root, allowance, names }: UploadPlace,
  signal: AbortSignal,
): Promise<void> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 }).catch(refuse)
    await unpack(tar, folder, allowance, names, signal)
    const received = new Set(await readdir(folder).catch(refuse))
    const missing = [...names.keys()].filter((name) => !received.has(name))
    if (missing.length > 0) throw invalid(`the archive lacks ${missing.join(', ')}`, { missing })
    await settleTree(folder, (name) => names.get(name) ?? false).catch(refuse)
    for (let path = folder; path !== dirname(root); path = dirname(path)) await syncFolder(dirname(path)).catch(refuse)
    signal.throwIfAborted()
  } catch (error) {
    const { bytes, files } = allowance.taken
    await removeTree(folder).catch(() => {}) // its parent is removed in the end
    allowance.giveBack(bytes, files)
    throw error
  }
}

async function unpack(
  tar: AsyncIterable<Uint8Array>,
  folder: string,
  allowance: Allowance,
  names: ReadonlyMap<string, boolean>,
  signal: AbortSignal,
): Promise<void> {
  using held = await OpenPath.open(folder, true)
  const writer = new TreeWriter(held, allowance)
  const options = { onForbidden: 'refuse', topNames: new Set(names.keys()) } as const
  const { isOverLimit } = await unpackTar(tar, writer, options, signal)
  if (!isOverLimit) return
  if (allowance.wasSharedShort) throw new ErrandError('storage_full', 'uploads hold as much as they may together')
  const { bytes, files } = allowance.limits
  throw invalid(`the archive is too much: at most ${bytes} bytes in ${files} files and folders`, { bytes, files })
}

function invalid(message: string, details: Readonly<Record<string, unknown>>): ErrandError {
  return new ErrandError('validation_failed', message.slice(0, 500), { details })
}

function refuse(error: unknown): never {
  throw toStorageError(error)
}
