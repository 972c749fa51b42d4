import { closeSync, constants, fstatSync, openSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import type { Endpoint } from '../core/endpoint.ts'
import { ErrandError } from '../core/errors.ts'
import { isShortage } from './failures.ts'

/** Linux' O_PATH: names a file without opening it, which is all that a socket allows. Node has no constant for it. */
const O_PATH = 0x200000

/**
 * Connects to an instance. Never looks up a name: hosts are addresses.
 * Fails with task_gone when the unix path is no socket (any more), else with the system's error.
 */
export function dial(endpoint: Endpoint, onSettled: (error: Error | null, socket: Socket | null) => void): void {
  try {
    const { socket, release } =
      'unixPath' in endpoint ? openUnix(endpoint.unixPath) : openTcp(endpoint.host, endpoint.port)
    const onError = (error: Error) => {
      release()
      onSettled(error, null)
    }
    socket.once('error', onError)
    socket.once('connect', () => {
      socket.removeListener('error', onError)
      release()
      onSettled(null, socket)
    })
  } catch (error) {
    onSettled(error as Error, null)
  }
}

interface Opening {
  readonly socket: Socket
  readonly release: () => void
}

function openTcp(host: string, port: number): Opening {
  return { socket: connect({ host, port, noDelay: true }), release: () => {} }
}

/**
 * The task owns the folder of its socket and may put a link to, say, the Docker socket in its place. So the file is
 * opened without following links, checked to be a socket, and dialled through the open descriptor.
 */
function openUnix(path: string): Opening {
  const descriptor = openSocketFile(path)
  return {
    socket: connect({ path: `/proc/self/fd/${descriptor}` }),
    release: () => closeSync(descriptor),
  }
}

function openSocketFile(path: string): number {
  let descriptor: number
  try {
    descriptor = openSync(path, O_PATH | constants.O_NOFOLLOW)
  } catch (error) {
    if (isShortage(error as Error)) throw error
    throw new ErrandError('task_gone', "the task's socket cannot be opened", { cause: error })
  }
  if (fstatSync(descriptor).isSocket()) return descriptor
  closeSync(descriptor)
  throw new ErrandError('task_gone', "the task's socket has been replaced by something else")
}
