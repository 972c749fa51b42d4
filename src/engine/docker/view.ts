import type { TcpEndpoint, UnixEndpoint } from '../../core/endpoint.ts'
import type { SandboxListing, SandboxView } from '../engine.ts'
import { ENDPOINT_LABEL, SOCKET_FOLDER, SOCKET_NAME } from './payload.ts'
import type { ContainerAnswer, ContainerRow } from './schemas.ts'

const NANO_CPUS_PER_MILLI = 1e6

/** What a container is, in our words. `network` is the one that sandboxes are reached on. Pure. */
export function toView(container: ContainerAnswer, network: string): SandboxView {
  const { State, HostConfig } = container
  const state = toState(State.Status)
  const isLive = state === 'running' || state === 'paused'
  return {
    name: withoutSlash(container.Name),
    id: container.Id,
    labels: container.Config.Labels,
    state,
    exit: state === 'exited' ? { exitCode: State.ExitCode, isOomKilled: State.OOMKilled } : undefined,
    tcp: isLive ? tcpEndpoint(container, network) : undefined,
    unix: isLive ? unixEndpoint(container) : undefined,
    pid: isLive && State.Pid > 0 ? State.Pid : undefined,
    limits: {
      cpuMillis: HostConfig.NanoCpus / NANO_CPUS_PER_MILLI,
      memoryBytes: HostConfig.Memory,
      pids: HostConfig.PidsLimit ?? 0,
    },
  }
}

export function toListing(row: ContainerRow): SandboxListing {
  // A container whose removal broke off midway has lost its name; its id still finds it.
  return { name: withoutSlash(row.Names[0] ?? row.Id), id: row.Id, labels: row.Labels }
}

function toState(status: string): SandboxView['state'] {
  switch (status) {
    case 'created':
    case 'running':
    case 'paused':
      return status
    // We never ask for restarts; `dead` and `removing` have no process any more.
    default:
      return 'exited'
  }
}

function tcpEndpoint(container: ContainerAnswer, network: string): TcpEndpoint | undefined {
  const host = container.NetworkSettings.Networks[network]?.IPAddress ?? ''
  const port = Number(container.Config.Labels[ENDPOINT_LABEL])
  return host === '' || !Number.isInteger(port) ? undefined : { host, port }
}

function unixEndpoint(container: ContainerAnswer): UnixEndpoint | undefined {
  const volume = container.Mounts.find(({ Type, Destination }) => Type === 'volume' && Destination === SOCKET_FOLDER)
  return volume === undefined ? undefined : { unixPath: `${volume.Source}/${SOCKET_NAME}` }
}

function withoutSlash(name: string): string {
  return name.startsWith('/') ? name.slice(1) : name
}
