import { join } from 'node:path'
import { type Finding, ok, warning } from './finding.ts'
import type { HostLook } from './host-look.ts'

/** Whether what listens on a unix socket answers as Errand does. Never rejects. */
export type AskHealth = (socketPath: string) => Promise<boolean>

/** Is a daemon at work on this state folder, and does it answer? The lock is looked at, never taken. */
export async function checkDaemon(
  look: HostLook,
  stateDir: string,
  socketPath: string | undefined,
  askHealth: AskHealth,
): Promise<Finding> {
  const holder = await findHolder(look, stateDir)
  const answers = socketPath !== undefined && (await askHealth(socketPath))
  const who = holder === undefined ? '' : ` (process ${holder})`
  if (answers) return ok('daemon', `answers on ${socketPath}${who}`)
  if (holder === undefined) return ok('daemon', 'none is at work here')
  if (socketPath === undefined) return ok('daemon', `is at work${who}, and has no unix socket`)
  const advice = 'look at its log; it may still be starting, or be of another user'
  return warning('daemon', `is at work${who}, and does not answer on ${socketPath}`, advice)
}

/** The process that has the state folder. NUMBER: POSIX ADVISORY WRITE PID MAJOR:MINOR:INODE FIRST LAST */
export async function findHolder(look: HostLook, stateDir: string): Promise<string | undefined> {
  const lock = await look.stat(join(stateDir, 'lock.db'))
  if (lock === undefined) return undefined
  const rows = (await look.readText('/proc/locks'))?.split('\n').map((line) => line.trim().split(/ +/)) ?? []
  const held = rows.find(([, kind, , access, , file]) => {
    return kind === 'POSIX' && access === 'WRITE' && file?.split(':')[2] === String(lock.inode)
  })
  return held?.[4]
}
