import { execFile } from 'node:child_process'
import { readdir, readFile, stat } from 'node:fs/promises'
import { promisify } from 'node:util'
import type { DiskSpace } from '../../images/disk-space.ts'
import { probeDisk } from '../../images/disk-space.ts'

/** What checks see of this machine. Looks only; nothing rejects: what cannot be seen is undefined, or empty. */
export interface HostLook {
  readText(path: string): Promise<string | undefined>
  /** Names in a folder. */
  list(path: string): Promise<readonly string[]>
  /** Links are followed. */
  stat(path: string): Promise<PathFacts | undefined>
  disk(path: string): Promise<DiskSpace | undefined>
  /** What a program of this machine prints to stdout, when it ends well and soon. */
  ask(program: string, ...args: readonly string[]): Promise<string | undefined>
}

export interface PathFacts {
  readonly kind: 'folder' | 'file' | 'device' | 'socket' | 'other'
  /** Permission bits. */
  readonly mode: number
  readonly uid: number
  readonly inode: number
}

const PROGRAM_FOLDERS = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
const PROGRAM_DEADLINE_MS = 3000

const run = promisify(execFile)

export function lookAtThisHost(signal: AbortSignal): HostLook {
  return {
    readText: (path) => readFile(path, { encoding: 'utf8', signal }).catch(() => undefined),
    list: (path) => readdir(path).catch(() => []),
    stat: (path) => factsOf(path).catch(() => undefined),
    disk: (path) => probeDisk(path)(),
    ask: async (program, ...args) => {
      const options = { env: { PATH: PROGRAM_FOLDERS, LC_ALL: 'C' }, timeout: PROGRAM_DEADLINE_MS, signal }
      return run(program, args, options).then(
        ({ stdout }) => stdout,
        () => undefined,
      )
    },
  }
}

async function factsOf(path: string): Promise<PathFacts> {
  const found = await stat(path)
  const kinds: [boolean, PathFacts['kind']][] = [
    [found.isDirectory(), 'folder'],
    [found.isFile(), 'file'],
    [found.isCharacterDevice() || found.isBlockDevice(), 'device'],
    [found.isSocket(), 'socket'],
  ]
  const kind = kinds.find(([isKind]) => isKind)?.[1] ?? 'other'
  return { kind, mode: found.mode & 0o7777, uid: found.uid, inode: found.ino }
}
