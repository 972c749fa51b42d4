import { closeSync, constants, openSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import type { Endpoint } from '../core/endpoint.ts'

/** Linux' O_PATH: names a file without opening it. Node has no constant for it. */
const O_PATH = 0x200000

/**
 * The folder of a task's socket, held open for as long as the task is dialled. The way through it stays good when the
 * path does not: Docker Engine 20.10, restarted with live-restore, forgets the mounts of the volumes that are in use.
 * Disposing lets go of it; nobody may dial by it any more then, since its number may come to stand for another file.
 */
export class HeldFolder implements Disposable {
  readonly endpoint: Endpoint
  #descriptor: number | undefined

  /** TCP endpoints, and folders that cannot be opened, are left as they are. */
  constructor(endpoint: Endpoint) {
    this.#descriptor = 'unixPath' in endpoint ? tryOpen(dirname(endpoint.unixPath)) : undefined
    const isHeld = 'unixPath' in endpoint && this.#descriptor !== undefined
    // Not /proc/self: what the log says of an endpoint is good for other processes too.
    const folder = `/proc/${process.pid}/fd/${this.#descriptor}`
    this.endpoint = isHeld ? { unixPath: `${folder}/${basename(endpoint.unixPath)}` } : endpoint
  }

  [Symbol.dispose](): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor)
    this.#descriptor = undefined
  }
}

function tryOpen(folder: string): number | undefined {
  try {
    return openSync(folder, O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW)
  } catch {
    return undefined
  }
}
