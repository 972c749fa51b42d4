import { readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { run } from '../../examples/tasks/offline/command.ts'

/** What the folder of a private engine begins with; the process id of its test follows. */
export const FOLDER_PREFIX = 'errand-engine-'

const FOLDER = new RegExp(`^${FOLDER_PREFIX}(\\d+)-`)

/** The name of its default bridge: the random end of its folder's name. */
export function bridgeOf(folder: string): string {
  return `eng-${folder.slice(-6)}`
}

/** Removes what engines have left whose test was killed. */
export async function removeAbandoned(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const [, pid] = FOLDER.exec(name) ?? []
    if (pid !== undefined && !isAlive(Number(pid))) await removeTraces(join(tmpdir(), name))
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** Processes, mounts and files of an engine whose daemons have ended. */
export async function removeTraces(folder: string): Promise<void> {
  for (const pid of await shimsOf(folder)) await killTree(pid)
  const mounts = (await readFile('/proc/self/mounts', 'utf8')).split('\n').map((line) => line.split(' ')[1] ?? '')
  const ours = mounts.filter((path) => path.startsWith(`${folder}/`))
  for (const path of ours.toReversed()) await run('umount', ['--lazy', path])
  // It is not there when the engine's start failed early.
  await run('ip', ['link', 'delete', bridgeOf(folder)]).catch(() => '')
  await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
}

/** The processes between containerd and its containers, which outlive it. */
async function shimsOf(folder: string): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const commands = await Promise.all(
    pids.map(async (pid) => ({ pid, line: await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '') })),
  )
  return commands.filter(({ line }) => line.includes(`${folder}/containerd.sock`)).map(({ pid }) => Number(pid))
}

/** A shim that is killed alone leaves its container running. */
async function killTree(pid: number): Promise<void> {
  const children = await run('ps', ['-o', 'pid=', '--ppid', String(pid)]).catch(() => '')
  for (const child of children.split('\n').filter(Boolean)) await killTree(Number(child))
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended meanwhile.
  }
}
