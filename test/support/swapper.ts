import { renameSync, symlinkSync, unlinkSync } from 'node:fs'
import { parentPort, Worker, workerData } from 'node:worker_threads'

/** Puts a link in the place of a folder, and the folder back, as often as it can, until the folder is gone. Disposing stops it, folder back. */
export interface Swapper extends AsyncDisposable {
  /** How often the link has been there so far. */
  readonly count: () => number
}

export function swapFor(folder: string, target: string): Swapper {
  const counter = new Int32Array(new SharedArrayBuffer(8))
  const worker = new Worker(new URL(import.meta.url), { workerData: { folder, target, counter } })
  const exited = new Promise<void>((resolve) => worker.once('exit', () => resolve()))
  return {
    count: () => Atomics.load(counter, 0),
    async [Symbol.asyncDispose]() {
      Atomics.store(counter, 1, 1)
      await exited
    },
  }
}

interface Swap {
  readonly folder: string
  readonly target: string
  /** How often it was done, and whether it has to stop. */
  readonly counter: Int32Array
}

function swapUntilStopped({ folder, target, counter }: Swap): void {
  const aside = `${folder}.aside`
  const link = `${folder}.link`
  while (Atomics.load(counter, 1) === 0) {
    symlinkSync(target, link)
    renameSync(folder, aside)
    renameSync(link, folder)
    Atomics.add(counter, 0, 1)
    // A while for both: as long as it takes to look and to mount.
    Atomics.wait(counter, 1, 0, 1)
    unlinkSync(folder)
    renameSync(aside, folder)
    Atomics.wait(counter, 1, 0, 1)
  }
}

function isGone(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}

if (parentPort !== null) {
  try {
    swapUntilStopped(workerData as Swap)
  } catch (error) {
    if (!isGone(error)) throw error
  }
}
