import { constants, copyFile, mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { assertSound } from '../../journal/sqlite/soundness.ts'
import { unlessMissing } from '../../util/unless-missing.ts'

/** What is copied may lie in memory. */
const MOST_BYTES = 512 * 1024 * 1024

/**
 * Looks at a journal that no daemon has open. At a copy of it: SQLite leaves files beside what it reads, which would be of
 * whoever asks the doctor. Resolves with false when it is too large for that.
 * @throws what is wrong with it, in a sentence; what the file system says
 */
export async function inspectJournal(path: string): Promise<boolean> {
  const sizes = await Promise.all(['', '-wal'].map((suffix) => sizeOf(`${path}${suffix}`)))
  if (sizes.reduce((sum, size) => sum + size, 0) > MOST_BYTES) return false
  const folder = await mkdtemp(join(tmpdir(), 'errand-doctor-'))
  try {
    await Promise.all(
      ['', '-wal'].map((suffix) => copyIfThere(`${path}${suffix}`, join(folder, `journal.db${suffix}`))),
    )
    assertSound(path, join(folder, 'journal.db'))
    return true
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function copyIfThere(from: string, to: string): Promise<void> {
  await copyFile(from, to, constants.COPYFILE_FICLONE).catch(unlessMissing)
}

async function sizeOf(path: string): Promise<number> {
  return (await stat(path).catch(unlessMissing))?.size ?? 0
}
