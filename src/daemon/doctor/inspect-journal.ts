import { constants, copyFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { assertSound } from '../../journal/sqlite/soundness.ts'

/**
 * Looks at a journal that no daemon has open. At a copy of it: SQLite leaves files beside what it reads, which would be of
 * whoever asks the doctor.
 * @throws what is wrong with it, in a sentence; what the file system says
 */
export async function inspectJournal(path: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'errand-doctor-'))
  try {
    await Promise.all(
      ['', '-wal'].map((suffix) => copyIfThere(`${path}${suffix}`, join(folder, `journal.db${suffix}`))),
    )
    assertSound(path, join(folder, 'journal.db'))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function copyIfThere(from: string, to: string): Promise<void> {
  await copyFile(from, to, constants.COPYFILE_FICLONE).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error
  })
}
