import { ErrandError } from '../../core/errors.ts'
import type { GpuDevice } from '../engine.ts'

/** What a container gets so that it can use exactly the GPUs of its lease. */
export interface GpuHostConfig {
  readonly deviceRequests: readonly object[]
  readonly devices: readonly object[]
  /** Numbers: a name would be looked up in the image, which need not have it. */
  readonly groupAdd: readonly string[]
  /** `K=V`; has to win over what the image and the caller say. */
  readonly environment: readonly string[]
}

/** The compute interface of all AMD GPUs together; one without its render node cannot be used through it. */
const KFD = '/dev/kfd'

/**
 * Never asks for all GPUs, nor for the folder of all devices: the Engine would hand out those that belong to others. Pure.
 * `user` is whom the task runs as, where its spec says so.
 * @throws runtime_unavailable when an AMD or Intel GPU has no render node
 */
export function gpuHostConfig(gpus: readonly GpuDevice[], user?: string): GpuHostConfig {
  const nvidiaIds = unique(gpus.filter(({ vendor }) => vendor === 'nvidia').map(nvidiaId))
  const mapped = gpus.filter(({ vendor }) => vendor !== 'nvidia')
  const renderNodes = unique(mapped.map(renderNode))
  const shared = gpus.some(({ vendor }) => vendor === 'amd') ? [KFD] : []
  return {
    deviceRequests: nvidiaIds.length === 0 ? [] : [nvidiaRequest(nvidiaIds)],
    devices: [...shared, ...renderNodes].map(device),
    // Root opens the device files whatever their group.
    groupAdd: isRoot(user) ? [] : unique(mapped.flatMap(({ groupIds = [] }) => groupIds.map(String))),
    environment: environment(nvidiaIds, renderNodes),
  }
}

/** Indices change with drains and differ from CUDA's order. */
function nvidiaId({ uuid, index }: GpuDevice): string {
  return uuid ?? String(index)
}

function nvidiaRequest(ids: readonly string[]): object {
  return { Driver: 'nvidia', DeviceIDs: ids, Capabilities: [['gpu']] }
}

function renderNode({ vendor, index, renderNode: node }: GpuDevice): string {
  if (node !== undefined) return node
  throw new ErrandError('runtime_unavailable', `the host offers no render node of ${vendor} GPU ${index}`, {
    details: { vendor, index },
  })
}

/** Libraries match the numbers in device names to sysfs, so a device keeps its path. */
function device(path: string): object {
  return { PathOnHost: path, PathInContainer: path, CgroupPermissions: 'rw' }
}

/**
 * Images ask the NVIDIA runtime for every GPU by `NVIDIA_VISIBLE_DEVICES`, so it is always said. Programs that take the
 * first render node for granted can be told theirs: a list with commas.
 */
function environment(nvidiaIds: readonly string[], renderNodes: readonly string[]): string[] {
  return [
    `NVIDIA_VISIBLE_DEVICES=${nvidiaIds.length === 0 ? 'void' : nvidiaIds.join(',')}`,
    ...(renderNodes.length === 0 ? [] : [`ERRAND_RENDER_NODES=${renderNodes.join(',')}`]),
  ]
}

function isRoot(user: string | undefined): boolean {
  const [name] = user?.split(':') ?? []
  return name === '0' || name === 'root'
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values)]
}
