import type { DiskSpace } from '../../images/disk-space.ts'
import type { HostLook, PathFacts } from './host-look.ts'

export interface FakeHost {
  readonly texts?: Readonly<Record<string, string>>
  readonly folders?: Readonly<Record<string, readonly string[]>>
  readonly paths?: Readonly<Record<string, Partial<PathFacts>>>
  readonly disk?: DiskSpace
  /** What programs print, by their command line. */
  readonly programs?: Readonly<Record<string, string>>
}

const PATH: PathFacts = { kind: 'file', mode: 0o600, uid: 0, inode: 1 }

/** A machine on which there is only what is named. */
export function fakeLook({ texts = {}, folders = {}, paths = {}, disk, programs = {} }: FakeHost = {}): HostLook {
  return {
    readText: async (path) => texts[path],
    list: async (path) => folders[path] ?? [],
    stat: async (path) => {
      const facts = paths[path]
      return facts && { ...PATH, ...facts }
    },
    disk: async () => disk,
    ask: async (program, ...args) => programs[[program, ...args].join(' ')],
  }
}
