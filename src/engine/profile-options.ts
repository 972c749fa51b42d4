import type { Preset } from '../core/presets.ts'
import type { ProcessSpec, SandboxMount, SandboxProfile, SandboxSpec } from './sandbox-spec.ts'

/** What has no user of its own under `strict`; nobody's on any host that does not ask for trouble. */
const FIRST_STRICT_UID = 200_000
const STRICT_UIDS = 60_000

/** Under `strict` whoever names no user gets one of its own, the same for the same `seed`. */
export function withUser(process: ProcessSpec, profile: SandboxProfile, seed: string): ProcessSpec {
  if (profile !== 'strict' || process.user !== undefined) return process
  const uid = FIRST_STRICT_UID + (hash(seed) % STRICT_UIDS)
  return { ...process, user: `${uid}:${uid}` }
}

/** The preset's folders, the task's own. */
export function presetMounts(preset: Preset | undefined, owner: string | undefined): SandboxMount[] {
  return (preset?.scratch ?? []).map((folder) => ({
    kind: 'scratch',
    ...(owner !== undefined && { owner }),
    ...folder,
  }))
}

export function presetLimits({ shmBytes, pidsLimit }: Partial<Preset> = {}): Partial<SandboxSpec> {
  return { ...(shmBytes !== undefined && { shmBytes }), ...(pidsLimit !== undefined && { pidsLimit }) }
}

function hash(text: string): number {
  let value = 0
  for (const character of text) value = (value * 31 + (character.codePointAt(0) ?? 0)) % 2 ** 31
  return value
}
