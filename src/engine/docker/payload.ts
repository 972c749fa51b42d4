import { MIB, type Resources } from '../../core/resources.ts'
import type { SandboxIdentity, SandboxSpec, SgxPaths } from '../engine.ts'
import type { ImageConfig } from './image-config.ts'

/** Where a task finds the folder for its socket; `inspect` finds the host's side of it by this. */
export const SOCKET_FOLDER = '/run/errand'
export const SOCKET_NAME = 'task.sock'

/** Where SGX images expect the folder of the aesmd socket. */
const AESMD_FOLDER = '/var/run/aesmd'

/** Carries the port of the task's server, for `inspect`. */
export const ENDPOINT_LABEL = 'dev.errand.endpoint'

const NANO_CPUS_PER_MILLI = 1e6
const PIDS_LIMIT = 256

/**
 * What images need that begin as root and then drop it, change owners or listen below 1024. KILL lets the init process
 * signal one that changed its user.
 */
const CAPABILITIES = ['CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'SETUID', 'SETGID', 'NET_BIND_SERVICE', 'KILL']

/**
 * The body of `POST /containers/create`: the `standard` profile. Ordinary images run in it unchanged; what `image` would
 * get beyond it is taken back. Pure.
 */
export function createBody(spec: SandboxSpec, identity: SandboxIdentity, network: string, image: ImageConfig): object {
  const { cpuMillis, memoryBytes } = spec.resources
  return {
    Image: spec.imageId,
    Labels: { ...emptied(image.labels), ...identity.labels, [ENDPOINT_LABEL]: String(spec.port) },
    Env: environment(spec),
    Healthcheck: { Test: ['NONE'] },
    StopSignal: 'SIGTERM',
    HostConfig: {
      Runtime: spec.runtime,
      NetworkMode: network,
      CapDrop: ['ALL'],
      CapAdd: CAPABILITIES,
      SecurityOpt: ['no-new-privileges'],
      Memory: memoryBytes,
      // Memory and swap together: equal means no swap.
      MemorySwap: memoryBytes,
      NanoCpus: cpuMillis * NANO_CPUS_PER_MILLI,
      PidsLimit: PIDS_LIMIT,
      Ulimits: [
        { Name: 'nofile', Soft: 1024, Hard: 4096 },
        { Name: 'core', Soft: 0, Hard: 0 },
      ],
      ShmSize: 16 * MIB,
      Init: true,
      // `local` can be read back; bounded, so that a flood of output cannot fill the disk.
      LogConfig: { Type: 'local', Config: { 'max-size': '10m', 'max-file': '2' } },
      OomScoreAdj: 500,
      RestartPolicy: { Name: 'no' },
      // Removed by us once its end is known: the Engine's own removal races with everybody who wants to know.
      AutoRemove: false,
      Mounts: mounts(spec, image, identity.labels),
      Devices: spec.sgx ? [enclaveDevice(spec.sgx)] : [],
    },
  }
}

function environment(spec: SandboxSpec): string[] {
  // An image can ask the NVIDIA runtime for every GPU by this variable; GPUs are given by lease alone.
  const variables = ['NVIDIA_VISIBLE_DEVICES=void']
  return spec.hasSocket ? [...variables, `ERRAND_SOCKET=${SOCKET_FOLDER}/${SOCKET_NAME}`] : variables
}

/** Other programs of the host act on labels (proxies, schedulers, updaters): none comes out of an image with its value. */
function emptied(labels: readonly string[]): Record<string, string> {
  return Object.fromEntries(labels.map((label) => [label, '']))
}

function mounts(spec: SandboxSpec, image: ImageConfig, labels: SandboxIdentity['labels']): object[] {
  const { hasSocket, sgx, resources } = spec
  const ours = new Set([...(hasSocket ? [SOCKET_FOLDER] : []), ...(sgx ? [AESMD_FOLDER] : [])])
  const declared = image.volumes.filter((path) => !ours.has(path))
  return [
    ...(hasSocket ? [memoryVolume(SOCKET_FOLDER, SOCKET_FOLDER_OPTIONS, labels)] : []),
    ...(sgx ? [aesmdFolder(sgx)] : []),
    ...declared.map((path) => memoryVolume(path, declaredVolumeOptions(resources), labels)),
  ]
}

/** Too small to hide anything in. Any user of the image can bind in it. */
const SOCKET_FOLDER_OPTIONS = 'size=64k,nr_inodes=16,mode=1777,nosuid,nodev,noexec'

/** On the host's disk it would have no limit; here it counts as the task's memory. */
function declaredVolumeOptions({ memoryBytes }: Resources): string {
  return `size=${memoryBytes},nr_inodes=16k,mode=1777,nosuid,nodev`
}

/**
 * A folder in memory that the host can see; removed with the container. Not filled from the image: the Engine would do
 * that outside the task's own limit. Labelled, so that one that is left can be found.
 */
function memoryVolume(target: string, options: string, labels: SandboxIdentity['labels']): object {
  return {
    Type: 'volume',
    Target: target,
    VolumeOptions: {
      NoCopy: true,
      Labels: labels,
      DriverConfig: { Name: 'local', Options: { type: 'tmpfs', device: 'tmpfs', o: options } },
    },
  }
}

/** Connecting to a socket needs no writable mount. */
function aesmdFolder(sgx: SgxPaths): object {
  return { Type: 'bind', Source: sgx.aesmdPath, Target: AESMD_FOLDER, ReadOnly: true }
}

function enclaveDevice(sgx: SgxPaths): object {
  return { PathOnHost: sgx.devicePath, PathInContainer: '/dev/sgx/enclave', CgroupPermissions: 'rw' }
}
