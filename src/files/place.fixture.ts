import { mkdtemp, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A folder for one test, which goes with it. */
export interface Place extends AsyncDisposable {
  readonly path: string
  readonly at: (name: string) => string
}

export async function makePlace(): Promise<Place> {
  const path = await realpath(await mkdtemp(join(tmpdir(), 'errand-files-')))
  return {
    path,
    at: (name) => join(path, name),
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  }
}
