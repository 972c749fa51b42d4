import { existsSync } from 'node:fs'
import { lstat, unlink } from 'node:fs/promises'
import { connect } from 'node:net'
import { dirname } from 'node:path'
import { ErrandError } from '../core/errors.ts'

/** What the kernel takes as a socket's path, without the closing zero. */
const MAX_PATH_BYTES = 107

/**
 * Clears the way for a socket at `path`: a socket file on which nobody listens is what a killed process left.
 * @throws already_exists when somebody listens there or it is no socket; validation_failed when the path is too long or
 * in no folder
 */
export async function removeStaleSocket(path: string): Promise<void> {
  if (await assertSocketPath(path)) await unlink(path)
}

/**
 * Resolves with whether a stale socket is in the way.
 * @throws as `removeStaleSocket`
 */
export async function assertSocketPath(path: string): Promise<boolean> {
  if (Buffer.byteLength(path) > MAX_PATH_BYTES) {
    throw new ErrandError('validation_failed', `a socket path has at most ${MAX_PATH_BYTES} bytes: ${path}`)
  }
  const folder = dirname(path)
  if (!existsSync(folder)) throw new ErrandError('validation_failed', `there is no folder ${folder} for a socket`)
  const found = await lstat(path).catch(() => undefined)
  if (found === undefined) return false
  if (!found.isSocket()) throw new ErrandError('already_exists', `${path} exists and is not a socket: not replaced`)
  if (await isAnswered(path)) throw new ErrandError('already_exists', `another process listens on ${path}`)
  return true
}

/** Only a refused connection proves that nobody listens; a full backlog or a missing right does not. */
function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code !== 'ECONNREFUSED'))
  })
}
