import { MIB } from './resources.ts'

/** What a task may get beyond its profile, where the operator grants it. The guide on profiles shows what needs which. */
export interface Preset {
  /** Instead of `strict`: the image's own user, root included, few capabilities and a writable root file system. */
  readonly profile?: 'standard'
  /** Empty folders in memory, the task's own. One for `/tmp` comes instead of the profile's. */
  readonly scratch: readonly PresetFolder[]
  /** Size of `/dev/shm`. Default: the profile's. */
  readonly shmBytes?: number
  /** Most processes and threads. Default: the profile's. */
  readonly pidsLimit?: number
}

interface PresetFolder {
  readonly target: string
  readonly sizeBytes: number
  readonly canExecute?: boolean
}

export type PresetName =
  | 'root-init'
  | 'scratch-heavy'
  | 'scratch-exec'
  | 'big-shm'
  | 'many-threads'
  | 'web-server'
  | 'postgres'

const GIB = 1024 * MIB

/** Sizes are upper bounds: what is used of them has to fit into the memory that the task asks for. */
export const PRESETS: Readonly<Record<PresetName, Preset>> = {
  'root-init': { profile: 'standard', scratch: [] },
  'scratch-heavy': { scratch: [{ target: '/tmp', sizeBytes: GIB }] },
  'scratch-exec': { scratch: [{ target: '/tmp', sizeBytes: GIB, canExecute: true }] },
  'big-shm': { scratch: [], shmBytes: GIB },
  'many-threads': { scratch: [], pidsLimit: 1024 },
  'web-server': {
    scratch: [
      { target: '/run', sizeBytes: 16 * MIB },
      { target: '/var/cache/nginx', sizeBytes: 64 * MIB },
    ],
  },
  postgres: {
    scratch: [
      { target: '/run', sizeBytes: 16 * MIB },
      { target: '/var/lib/postgresql/data', sizeBytes: GIB },
    ],
    shmBytes: GIB,
  },
}

export function presetNames(): PresetName[] {
  return Object.keys(PRESETS).filter(isPreset)
}

export function isPreset(name: string): name is PresetName {
  return Object.hasOwn(PRESETS, name)
}
