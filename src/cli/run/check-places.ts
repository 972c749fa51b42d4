import { lstat, readdir, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { ErrandError } from '../../core/errors.ts'
import { openResult } from '../../files/open-result.ts'
import type { LocalInput, LocalOutput, RunPlan } from './run-request.ts'

/**
 * Looks at the files and folders of this machine that a run is about, before anything is submitted: to learn at its end that
 * they are not as they should be is too late.
 * @throws not_found for an input that is not there; already_exists for a result whose place is taken
 */
export async function checkPlaces({ inputs, outputs }: RunPlan): Promise<void> {
  for (const input of inputs) await checkInput(input)
  for (const output of outputs) await checkOutput(output)
}

async function checkInput({ from }: LocalInput): Promise<void> {
  if (from === 'stdin') return
  try {
    using _held = await openResult(from.folder, [from.file])
  } catch (cause) {
    if (ErrandError.from(cause).code !== 'not_found') throw refusedInput(from.given, ErrandError.from(cause).message)
    const found = await lstat(join(from.folder, from.file)).catch(() => undefined)
    throw refusedInput(from.given, found === undefined ? 'no such file or folder' : 'it is neither file nor folder')
  }
}

function refusedInput(given: string, why: string): ErrandError {
  return new ErrandError('not_found', `-i ${given}: ${why}`)
}

/** What nobody can write to is told here by the system when it is made; who may do what is not guessed. */
async function checkOutput({ name, folder }: LocalOutput): Promise<void> {
  const place = join(folder, name)
  if (await isTaken(place)) {
    throw new ErrandError(
      'already_exists',
      `${place} is there already, and is not replaced: name another folder for it`,
    )
  }
  for (let above = folder; ; above = dirname(above)) {
    const found = await stat(above).catch(() => undefined)
    if (found?.isDirectory() === true || (found === undefined && dirname(above) === above)) return
    if (found !== undefined) throw new ErrandError('already_exists', `${above} is there already, and is no folder`)
  }
}

/** Files of a result may go into a folder that is empty, or was made for that. */
async function isTaken(place: string): Promise<boolean> {
  const found = await lstat(place).catch(() => undefined)
  if (found === undefined) return false
  return !found.isDirectory() || (await readdir(place).catch(() => [''])).length > 0
}
