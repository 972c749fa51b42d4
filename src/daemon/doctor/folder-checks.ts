import { dirname, join } from 'node:path'
import type { DiskSpace } from '../../images/disk-space.ts'
import { type Finding, ok, problem, warning } from './finding.ts'
import type { HostLook } from './host-look.ts'

/** What a socket's path may have, without the closing zero. */
const MOST_SOCKET_BYTES = 107
/** The longest name that Errand gives a socket below its run folder. */
const LONGEST_SOCKET = 'errand.sock'

/** `uid` is that of this process. */
export async function checkStateFolder(look: HostLook, stateDir: string, uid: number): Promise<Finding> {
  const folder = await look.stat(stateDir)
  if (folder === undefined) {
    const above = await nearest(look, stateDir)
    return ok('state folder', `${stateDir} will be made in ${above}`)
  }
  if (folder.kind !== 'folder') return problem('state folder', `${stateDir} is no folder`, 'name another in stateDir')
  if (folder.uid !== uid && uid !== 0) {
    return problem(
      'state folder',
      `${stateDir} belongs to user ${folder.uid}`,
      'run as that user, or name another in stateDir',
    )
  }
  if ((folder.mode & 0o077) === 0) return ok('state folder', stateDir)
  const mode = folder.mode.toString(8)
  return warning(
    'state folder',
    `${stateDir} is open to others (${mode}): it holds keys and logs`,
    `chmod 700 ${stateDir}`,
  )
}

export function checkRunDir(runDir: string): Finding {
  const length = Buffer.byteLength(join(runDir, LONGEST_SOCKET))
  if (length <= MOST_SOCKET_BYTES) return ok('run folder', runDir)
  const found = `${runDir} is too long for a socket: ${length} of ${MOST_SOCKET_BYTES} bytes`
  return problem('run folder', found, 'name a shorter one in runDir')
}

/** Whether work would be taken: `shortage` as the daemon itself judges it. */
export async function checkDisk(
  look: HostLook,
  name: string,
  folder: string,
  shortageOf: (space: DiskSpace) => string | undefined,
): Promise<Finding> {
  const space = await look.disk(await nearest(look, folder))
  if (space === undefined)
    return warning(name, `the disk of ${folder} cannot be seen`, 'run doctor on the host, as root')
  const shortage = shortageOf(space)
  if (shortage === undefined) return ok(name, `${describe(space)} free below ${folder}`)
  return problem(name, `the disk of ${folder} ${shortage}`, 'make room: docker image prune, or a larger disk')
}

function describe({ freeBytes, totalBytes, freeInodes }: DiskSpace): string {
  const gib = (bytes: number) => (bytes / 2 ** 30).toFixed(1)
  const inodes = freeInodes === undefined ? '' : `, ${Math.round(freeInodes * 100)}% of its inodes`
  return `${gib(freeBytes)} of ${gib(totalBytes)} GiB${inodes}`
}

/** The folder itself, or the first above it that there is. */
async function nearest(look: HostLook, folder: string): Promise<string> {
  if (folder === dirname(folder) || (await look.stat(folder)) !== undefined) return folder
  return nearest(look, dirname(folder))
}
