import { ErrandError } from '../../core/errors.ts'
import { MIB } from '../../core/resources.ts'
import type { PortBinding, SandboxIdentity, SandboxSpec, SgxPaths } from '../engine.ts'
import { environmentOf } from './environment.ts'
import { type GpuHostConfig, gpuHostConfig } from './gpu-config.ts'
import type { ImageConfig } from './image-config.ts'
import { mountsOf } from './mounts.ts'
import { processFields } from './process.ts'
import { PROFILES, scratchOf, strictUser } from './profile.ts'

/** Carries the port of the task's server, for `inspect`. */
export const ENDPOINT_LABEL = 'dev.errand.endpoint'

const NANO_CPUS_PER_MILLI = 1e6
const SHM_BYTES = 16 * MIB
/** Of the sandbox itself, where nothing answers. */
const NO_RESOLVER = '127.0.0.1'

/**
 * The body of `POST /containers/create`: the template of the spec's profile, and what the spec may choose. What `image`
 * would get beyond it is taken back. `cgroupParent` is made by the Engine where it is not there. Pure.
 * @throws validation_failed; image_invalid; runtime_unavailable
 */
export function createBody(
  spec: SandboxSpec,
  identity: SandboxIdentity,
  network: string,
  image: ImageConfig,
  cgroupParent?: string,
): object {
  const gpu = gpuHostConfig(spec.gpus ?? [], spec.process.user)
  return {
    Image: spec.imageId,
    Labels: { ...emptied(image.labels), ...identity.labels, ...endpointLabel(spec) },
    Env: environmentOf(spec, image, gpu),
    ...processFields(spec, image),
    Healthcheck: { Test: ['NONE'] },
    StopSignal: 'SIGTERM',
    ...exposedPorts(spec),
    HostConfig: {
      ...hostConfig(spec, network),
      ...portBindings(spec),
      Mounts: mountsOf(spec, ownMounts(spec), image, identity.labels),
      ...devices(spec, gpu),
      ...(cgroupParent === undefined ? {} : { CgroupParent: cgroupParent }),
    },
  }
}

function hostConfig(spec: SandboxSpec, network: string): Record<string, unknown> {
  const { cpuMillis, memoryBytes } = spec.resources
  const profile = PROFILES[spec.profile]
  return {
    Runtime: spec.runtime,
    NetworkMode: network,
    CapDrop: ['ALL'],
    CapAdd: profile.capabilities,
    SecurityOpt: ['no-new-privileges'],
    ReadonlyRootfs: profile.isReadOnly,
    Memory: memoryBytes,
    // Memory and swap together: equal means no swap.
    MemorySwap: memoryBytes,
    NanoCpus: cpuMillis * NANO_CPUS_PER_MILLI,
    PidsLimit: spec.pidsLimit ?? profile.pidsLimit,
    Ulimits: [
      { Name: 'nofile', Soft: 1024, Hard: 4096 },
      { Name: 'core', Soft: 0, Hard: 0 },
    ],
    ShmSize: spec.shmBytes ?? SHM_BYTES,
    ...(spec.diskBytes === undefined ? {} : { StorageOpt: { size: String(spec.diskBytes) } }),
    ...dns(spec),
    Init: true,
    // `local` can be read back; bounded, so that a flood of output cannot fill the disk.
    LogConfig: { Type: 'local', Config: { 'max-size': profile.logSize, 'max-file': '2' } },
    OomScoreAdj: 500,
    RestartPolicy: { Name: 'no' },
    // Removed by us once its end is known: the Engine's own removal races with everybody who wants to know.
    AutoRemove: false,
  }
}

/** The Engine's own resolver asks these, from inside the sandbox. Left to itself it asks the host's, which lead out. */
function dns({ dnsServers = [], network }: SandboxSpec): Record<string, unknown> {
  if (dnsServers.length > 0) return { Dns: dnsServers }
  return network === 'internal' || network === 'none' ? { Dns: [NO_RESOLVER] } : {}
}

/** Other programs of the host act on labels (proxies, schedulers, updaters): none comes out of an image with its value. */
function emptied(labels: readonly string[]): Record<string, string> {
  return Object.fromEntries(labels.map((label) => [label, '']))
}

function endpointLabel({ port }: SandboxSpec): Record<string, string> {
  return port === undefined ? {} : { [ENDPOINT_LABEL]: String(port) }
}

function exposedPorts({ ports = [], network }: SandboxSpec): Record<string, unknown> {
  if (ports.length === 0) return {}
  if (network === 'none') {
    throw new ErrandError('validation_failed', 'ports cannot lead to a sandbox without a network')
  }
  return { ExposedPorts: Object.fromEntries(ports.map((binding) => [portKey(binding), {}])) }
}

function portBindings({ ports = [] }: SandboxSpec): Record<string, unknown> {
  if (ports.length === 0) return {}
  const byPort = Map.groupBy(ports, portKey)
  const places = (bindings: readonly PortBinding[]): object[] =>
    bindings.map(({ hostIp, hostPort }) => ({ HostIp: hostIp, HostPort: String(hostPort) }))
  return { PortBindings: Object.fromEntries(Array.from(byPort, ([key, bindings]) => [key, places(bindings)])) }
}

function portKey({ port, protocol }: PortBinding): string {
  return `${port}/${protocol}`
}

function ownMounts({ profile, process }: SandboxSpec): ReturnType<typeof scratchOf>[] {
  return profile === 'strict' ? [scratchOf(strictUser(process))] : []
}

function devices({ sgx }: SandboxSpec, gpu: GpuHostConfig): Record<string, unknown> {
  return {
    Devices: [...(sgx ? [enclaveDevice(sgx)] : []), ...gpu.devices],
    ...(gpu.deviceRequests.length === 0 ? {} : { DeviceRequests: gpu.deviceRequests }),
    ...(gpu.groupAdd.length === 0 ? {} : { GroupAdd: gpu.groupAdd }),
  }
}

function enclaveDevice(sgx: SgxPaths): object {
  return { PathOnHost: sgx.devicePath, PathInContainer: '/dev/sgx/enclave', CgroupPermissions: 'rw' }
}
