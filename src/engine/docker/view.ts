import type { TcpEndpoint, UnixEndpoint } from '../../core/endpoint.ts'
import type { PortBinding, SandboxExit, SandboxListing, SandboxNet, SandboxView } from '../engine.ts'
import type { ContainerAnswer, ContainerRow } from './answers/containers.ts'
import { SOCKET_FOLDER, SOCKET_NAME } from './mounts.ts'
import { ENDPOINT_LABEL } from './payload.ts'

const NANO_CPUS_PER_MILLI = 1e6

/** What a container is, in our words. Pure. */
export function toView(container: ContainerAnswer): SandboxView {
  const { State, HostConfig } = container
  const state = toState(State.Status)
  const isLive = state === 'running' || state === 'paused'
  const net = isLive ? toNet(container) : undefined
  return {
    name: withoutSlash(container.Name),
    id: container.Id,
    labels: container.Config.Labels,
    state,
    exit: state === 'exited' ? toExit(State) : undefined,
    ...(State.Status === 'removing' && { isBeingRemoved: true }),
    tcp: tcpEndpoint(container, net),
    unix: isLive ? unixEndpoint(container) : undefined,
    pid: isLive && State.Pid > 0 ? State.Pid : undefined,
    net,
    limits: {
      cpuMillis: HostConfig.NanoCpus / NANO_CPUS_PER_MILLI,
      memoryBytes: HostConfig.Memory,
      pids: HostConfig.PidsLimit ?? 0,
    },
  }
}

export function toListing(row: ContainerRow): SandboxListing {
  // A container whose removal broke off midway has lost its name; its id still finds it.
  return { name: withoutSlash(row.Names[0] ?? row.Id), id: row.Id, labels: row.Labels, state: toState(row.State) }
}

function toExit({ ExitCode, OOMKilled, FinishedAt = '' }: ContainerAnswer['State']): SandboxExit {
  const finishedMs = Date.parse(FinishedAt)
  return { exitCode: ExitCode, isOomKilled: OOMKilled, ...(finishedMs > 0 && { finishedMs }) }
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

/** On the network that it was made for: somebody else may have put it on more of them. */
function toNet({ HostConfig, NetworkSettings }: ContainerAnswer): SandboxNet | undefined {
  const found = NetworkSettings.Networks[HostConfig.NetworkMode]
  if (found === undefined || found.IPAddress === '') return undefined
  return { ipAddress: found.IPAddress, gateway: found.Gateway, ports: toPorts(NetworkSettings.Ports) }
}

function toPorts(bound: ContainerAnswer['NetworkSettings']['Ports']): PortBinding[] {
  return Object.entries(bound).flatMap(([key, places]) => {
    const [port, protocol] = key.split('/')
    if (protocol !== 'tcp' && protocol !== 'udp') return []
    return withoutTwins(places ?? []).map(({ HostIp, HostPort }) => ({
      protocol,
      hostIp: HostIp,
      hostPort: Number(HostPort),
      port: Number(port),
    }))
  })
}

/** What is bound on every IPv4 address is told once more for IPv6 where the host has it. */
function withoutTwins<T extends { readonly HostIp: string }>(places: readonly T[]): readonly T[] {
  const isOnAll = places.some(({ HostIp }) => HostIp === '0.0.0.0')
  return isOnAll ? places.filter(({ HostIp }) => HostIp !== '::') : places
}

/** An image may bring the label, which is then empty. */
function tcpEndpoint(container: ContainerAnswer, net: SandboxNet | undefined): TcpEndpoint | undefined {
  const port = Number(container.Config.Labels[ENDPOINT_LABEL])
  return net === undefined || !(port > 0) ? undefined : { host: net.ipAddress, port }
}

function unixEndpoint(container: ContainerAnswer): UnixEndpoint | undefined {
  const volume = container.Mounts.find(({ Type, Destination }) => Type === 'volume' && Destination === SOCKET_FOLDER)
  return volume === undefined ? undefined : { unixPath: `${volume.Source}/${SOCKET_NAME}` }
}

function withoutSlash(name: string): string {
  return name.startsWith('/') ? name.slice(1) : name
}
