import { request } from 'node:http'
import { text } from 'node:stream/consumers'
import { INSTALLATION_LABEL } from '../../src/instance/identity.ts'
import { rulesOf } from './engine-host.ts'

/** Everything that an installation has outside its daemon, as seen without the daemon's help. */
export interface Census {
  readonly containers: readonly CountedContainer[]
  readonly networks: readonly string[]
  readonly volumes: readonly CountedVolume[]
  /** Of the firewall, IPv4 and IPv6. */
  readonly rules: readonly string[]
}

export interface CountedVolume {
  readonly name: string
  /** Those of the container that it was made for. */
  readonly labels: Readonly<Record<string, string>>
}

export interface CountedContainer {
  readonly id: string
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
}

/** Counts what belongs to an installation now. */
export type TakeCensus = (installation: string) => Promise<Census>

interface ContainerRow {
  readonly Id: string
  readonly Names: readonly string[]
  readonly Labels: Readonly<Record<string, string>>
}

interface VolumeRow {
  readonly Name: string
  readonly Labels: Readonly<Record<string, string>>
}

/** Asks a Docker Engine and this host's firewall. */
export function dockerCensus(socketPath: string): TakeCensus {
  return async (installation) => {
    const filters = encodeURIComponent(JSON.stringify({ label: [`${INSTALLATION_LABEL}=${installation}`] }))
    const ask = (path: string) => askEngine(socketPath, `${path}filters=${filters}`)
    const [containers, networks, volumes, ...rules] = await Promise.all([
      ask('/containers/json?all=1&') as Promise<ContainerRow[]>,
      ask('/networks?') as Promise<{ Name: string }[]>,
      ask('/volumes?') as Promise<{ Volumes: VolumeRow[] | null }>,
      rulesOf('iptables', installation),
      rulesOf('ip6tables', installation),
    ])
    return {
      containers: containers.map(({ Id, Names, Labels }) => ({
        id: Id,
        name: (Names[0] ?? '').replace(/^\//, ''),
        labels: Labels,
      })),
      networks: networks.map(({ Name }) => Name),
      volumes: (volumes.Volumes ?? []).map(({ Name, Labels }) => ({ name: Name, labels: Labels })),
      rules: rules.flat(),
    }
  }
}

/** Of an engine in memory, here or in another process: `look` tells what it has. */
export function fakeCensus(look: () => Promise<readonly CountedContainer[]>): TakeCensus {
  return async (installation) => ({
    containers: (await look()).filter(({ labels }) => labels[INSTALLATION_LABEL] === installation),
    networks: [],
    volumes: [],
    rules: [],
  })
}

/** The answer of a Docker Engine to `GET path`, parsed; a text for what is no JSON. */
export async function askEngine(socketPath: string, path: string): Promise<unknown> {
  const body = await new Promise<string>((resolve, reject) => {
    // No agent: a kept connection would outlive an engine that the test kills.
    const asked = request({ socketPath, path, agent: false, timeout: 30_000 }, (response) => {
      text(response).then(resolve, reject)
    })
    asked.on('timeout', () => asked.destroy(new Error(`no answer to GET ${path}`)))
    asked.on('error', reject).end()
  })
  return body.startsWith('{') || body.startsWith('[') ? JSON.parse(body) : body
}
