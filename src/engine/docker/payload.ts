import { MIB } from '../../core/resources.ts'
import type { SandboxIdentity, SandboxSpec, SgxPaths } from '../engine.ts'

/** Where a task finds the folder for its socket; `inspect` finds the host's side of it by this. */
export const SOCKET_FOLDER = '/run/errand'
export const SOCKET_NAME = 'task.sock'

/** Carries the port of the task's server, for `inspect`. */
export const ENDPOINT_LABEL = 'dev.errand.endpoint'

const NANO_CPUS_PER_MILLI = 1e6
const PIDS_LIMIT = 256

/**
 * What images need that begin as root and then drop it, change owners or listen below 1024. KILL lets the init process
 * signal one that changed its user.
 */
const CAPABILITIES = ['CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'SETUID', 'SETGID', 'NET_BIND_SERVICE', 'KILL']

/** The body of `POST /containers/create`: the `standard` profile. Ordinary images run in it unchanged. Pure. */
export function createBody(spec: SandboxSpec, identity: SandboxIdentity, network: string): object {
  const { cpuMillis, memoryBytes } = spec.resources
  return {
    Image: spec.imageId,
    Labels: { ...identity.labels, [ENDPOINT_LABEL]: String(spec.port) },
    Env: environment(spec),
    Healthcheck: { Test: ['NONE'] },
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
      Mounts: [...(spec.hasSocket ? [socketVolume(identity)] : []), ...(spec.sgx ? [aesmdFolder(spec.sgx)] : [])],
      Devices: spec.sgx ? [enclaveDevice(spec.sgx)] : [],
    },
  }
}

function environment(spec: SandboxSpec): string[] {
  // An image can ask the NVIDIA runtime for every GPU by this variable; GPUs are given by lease alone.
  const variables = ['NVIDIA_VISIBLE_DEVICES=void']
  return spec.hasSocket ? [...variables, `ERRAND_SOCKET=${SOCKET_FOLDER}/${SOCKET_NAME}`] : variables
}

/** A folder in memory, too small to hide anything in. Any user of the image can bind in it; removed with the container. */
function socketVolume({ labels }: SandboxIdentity): object {
  return {
    Type: 'volume',
    Target: SOCKET_FOLDER,
    VolumeOptions: {
      NoCopy: true,
      // So that one that was left behind can be told from those of others.
      Labels: labels,
      DriverConfig: {
        Name: 'local',
        Options: {
          type: 'tmpfs',
          device: 'tmpfs',
          o: 'size=64k,nr_inodes=16,mode=1777,nosuid,nodev,noexec',
        },
      },
    },
  }
}

/** Connecting to a socket needs no writable mount. */
function aesmdFolder(sgx: SgxPaths): object {
  return { Type: 'bind', Source: sgx.aesmdPath, Target: '/var/run/aesmd', ReadOnly: true }
}

function enclaveDevice(sgx: SgxPaths): object {
  return { PathOnHost: sgx.devicePath, PathInContainer: '/dev/sgx/enclave', CgroupPermissions: 'rw' }
}
