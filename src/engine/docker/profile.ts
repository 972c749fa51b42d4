import { ErrandError } from '../../core/errors.ts'
import type { ProcessSpec, SandboxMount, SandboxProfile } from '../engine.ts'

/** What the two profiles differ in. All that they have in common is in `payload.ts`. */
export interface Profile {
  readonly capabilities: readonly string[]
  readonly isReadOnly: boolean
  /** Where the spec does not say. */
  readonly pidsLimit: number
  /** Of each of the two files of output that the Engine keeps. */
  readonly logSize: string
}

/**
 * What images need that begin as root and then drop it, change owners or listen below 1024. KILL lets the init process
 * signal one that changed its user.
 */
const CAPABILITIES = ['CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'SETUID', 'SETGID', 'NET_BIND_SERVICE', 'KILL']

export const PROFILES: Readonly<Record<SandboxProfile, Profile>> = {
  standard: { capabilities: CAPABILITIES, isReadOnly: false, pidsLimit: 256, logSize: '10m' },
  strict: { capabilities: [], isReadOnly: true, pidsLimit: 128, logSize: '5m' },
}

/** Where a strict task can write. */
export const SCRATCH_FOLDER = '/tmp'
const SCRATCH_BYTES = 64 * 1024 * 1024

const NUMERIC_USER = /^([1-9]\d{0,9})(?::([1-9]\d{0,9}))?$/
/** The Engine takes no larger ones. */
const LARGEST_ID = 2 ** 31 - 1

/**
 * Whom a strict task runs as, as `UID:GID`. Without a group the Engine would take root's.
 * @throws validation_failed for a name, or for root
 */
export function strictUser({ user = '' }: ProcessSpec): string {
  const [, uid, gid = uid] = NUMERIC_USER.exec(user) ?? []
  if (uid === undefined || Number(uid) > LARGEST_ID || Number(gid) > LARGEST_ID) {
    throw new ErrandError(
      'validation_failed',
      `under the profile strict the user has to be a number but 0, as UID or UID:GID; it is ${JSON.stringify(user)}`,
    )
  }
  return `${uid}:${gid}`
}

export function scratchOf(user: string): SandboxMount {
  return { kind: 'scratch', target: SCRATCH_FOLDER, sizeBytes: SCRATCH_BYTES, owner: user }
}
