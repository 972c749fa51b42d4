import { readdir, readFile, readlink } from 'node:fs/promises'
import { join } from 'node:path'

/**
 * Whether this process and the Docker Engine see the same mounts: not where one of them is in a container, nor under a
 * service manager that gives it a view of its own. Undefined where no Engine can be looked at.
 */
export async function sharesMounts(procRoot = '/proc'): Promise<boolean | undefined> {
  const viewOf = (pid: string): Promise<string | undefined> =>
    readlink(join(procRoot, pid, 'ns/mnt')).catch(() => undefined)
  const names = await readdir(procRoot)
  const views = names
    .filter((name) => /^\d+$/.test(name))
    .map(async (pid) => {
      const program = await readFile(join(procRoot, pid, 'comm'), 'utf8').catch(() => '')
      return program.trimEnd() === 'dockerd' ? viewOf(pid) : undefined
    })
  const ofEngines = (await Promise.all(views)).filter((view) => view !== undefined)
  const own = await viewOf('self')
  return ofEngines.length === 0 || own === undefined ? undefined : ofEngines.includes(own)
}
