import type { Resources } from '../../core/resources.ts'
import type { SandboxIdentity, SandboxMount, SandboxSpec, SgxPaths } from '../engine.ts'
import type { ImageConfig } from './image-config.ts'

/** Where a task finds the folder for its socket; `inspect` finds the host's side of it by this. */
export const SOCKET_FOLDER = '/run/errand'
export const SOCKET_NAME = 'task.sock'
export const SOCKET_PATH: string = `${SOCKET_FOLDER}/${SOCKET_NAME}`

/** Where SGX images expect the folder of the aesmd socket. */
const AESMD_FOLDER = '/var/run/aesmd'

/** A folder that a process of this host holds open. */
const HELD_FOLDER = /^\/proc\/\d+\/fd\/\d+$/

type Labels = SandboxIdentity['labels']

/**
 * Ours, those of the spec, and in memory those that the image declares where there is none of them. `own` are the
 * profile's.
 */
export function mountsOf(
  { hasSocket, sgx, mounts = [], resources }: SandboxSpec,
  own: readonly SandboxMount[],
  image: ImageConfig,
  labels: Labels,
): object[] {
  const asked = [...own.filter(({ target }) => !mounts.some((mount) => mount.target === target)), ...mounts]
  const taken = new Set([
    ...(hasSocket ? [SOCKET_FOLDER] : []),
    ...(sgx ? [AESMD_FOLDER] : []),
    ...asked.map(({ target }) => target),
  ])
  const declared = image.volumes.filter((path) => !taken.has(path))
  return [
    ...(hasSocket ? [memoryVolume(SOCKET_FOLDER, SOCKET_FOLDER_OPTIONS, labels)] : []),
    ...(sgx ? [aesmdFolder(sgx)] : []),
    ...asked.map((mount) => askedMount(mount, labels)),
    ...declared.map((path) => memoryVolume(path, declaredVolumeOptions(resources), labels)),
  ]
}

/** Too small to hide anything in. Any user of the image can bind in it. */
const SOCKET_FOLDER_OPTIONS = 'size=64k,nr_inodes=16,mode=1777,nosuid,nodev,noexec'

/** On the host's disk it would have no limit; here it counts as the task's memory. */
function declaredVolumeOptions({ memoryBytes }: Resources): string {
  return `size=${memoryBytes},nr_inodes=16k,mode=1777,nosuid,nodev`
}

function askedMount(mount: SandboxMount, labels: Labels): object {
  if (mount.kind === 'scratch') return memoryVolume(mount.target, scratchOptions(mount), labels)
  const { source, target, isReadOnly } = mount
  if (HELD_FOLDER.test(source)) return heldFolder(mount, labels)
  return {
    Type: 'bind',
    Source: source,
    Target: target,
    ReadOnly: isReadOnly,
    // What is mounted under a read-only folder would stay writable.
    BindOptions: { Propagation: 'rprivate', NonRecursive: isReadOnly },
  }
}

/**
 * Mounted by the Engine itself, in the mount namespace of the process that holds it. The runtime, which makes mounts of type
 * `bind`, has left that by then, and the kernel refuses (EINVAL; runc 1.1). What is mounted under it is left out. The Engine
 * heeds `nosuid` and `nodev` beside `ro` alone.
 */
function heldFolder({ source, target, isReadOnly }: SandboxMount & { kind: 'bind' }, labels: Labels): object {
  const access = isReadOnly ? 'ro' : 'rw'
  return localVolume(target, { type: 'none', device: source, o: `bind,${access},nosuid,nodev` }, labels)
}

function scratchOptions({ sizeBytes, owner, canExecute }: SandboxMount & { kind: 'scratch' }): string {
  const [uid, gid = uid] = owner?.split(':') ?? []
  const access = uid === undefined ? 'mode=1777' : `uid=${uid},gid=${gid},mode=0700`
  return `size=${sizeBytes},nr_inodes=16k,${access},nosuid,nodev${canExecute === true ? '' : ',noexec'}`
}

/**
 * A folder in memory that the host can see; removed with the container. Not filled from the image: the Engine would do
 * that outside the task's own limit. Labelled, so that one that is left can be found. The Engine's own `Tmpfs` would take
 * the mode of the image's folder instead of ours.
 */
function memoryVolume(target: string, options: string, labels: Labels): object {
  return localVolume(target, { type: 'tmpfs', device: 'tmpfs', o: options }, labels)
}

function localVolume(target: string, options: Readonly<Record<string, string>>, labels: Labels): object {
  return {
    Type: 'volume',
    Target: target,
    VolumeOptions: { NoCopy: true, Labels: labels, DriverConfig: { Name: 'local', Options: options } },
  }
}

/** Connecting to a socket needs no writable mount. */
function aesmdFolder(sgx: SgxPaths): object {
  return { Type: 'bind', Source: sgx.aesmdPath, Target: AESMD_FOLDER, ReadOnly: true }
}
