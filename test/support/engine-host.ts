import { execFile } from 'node:child_process'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { randomId } from '../../src/core/ids.ts'
import { DockerEngine, type DockerEngineOptions } from '../../src/engine/docker/docker-engine.ts'

const run = promisify(execFile)

export const DOCKER_SOCKET = '/var/run/docker.sock'

const CGROUPS = '/sys/fs/cgroup'
const OPEN_DEADLINE_MS = 30_000

/** The machine's own Docker Engine, with a network of its own unless said otherwise. Whoever opens it disposes it. */
export async function openDocker(options: Partial<DockerEngineOptions> = {}): Promise<DockerEngine> {
  const network = { kind: 'own', isInternal: false, hostAccess: 'deny', privateNetworks: 'allow' } as const
  const defaults = { socketPath: DOCKER_SOCKET, installation: randomId(), network }
  return DockerEngine.open({ ...defaults, ...options }, AbortSignal.timeout(OPEN_DEADLINE_MS))
}

/** What an installation has on this host now: networks, firewall rules and containers. */
export async function tracesOf(installation: string): Promise<string[]> {
  const label = `label=dev.errand.installation=${installation}`
  const found = await Promise.all([
    docker('network', 'ls', '--filter', label, '--format', 'network {{.Name}}'),
    docker('ps', '--all', '--filter', label, '--format', 'container {{.Names}}'),
    rulesOf('iptables', installation),
    rulesOf('ip6tables', installation),
    cgroupsOf(installation),
  ])
  return found.flat()
}

/** Cgroups that an installation keeps for bills, in every hierarchy: of the one container, or all with their folder. */
export async function cgroupsOf(installation: string, container = ''): Promise<string[]> {
  const folder = join(`errand-${installation.slice(0, 12)}`, container)
  const hierarchies = ['', ...(await readdir(CGROUPS))]
  const found = await Promise.all(
    hierarchies.map(async (hierarchy) =>
      readdir(join(CGROUPS, hierarchy, folder)).then(
        () => [`cgroup ${hierarchy}`],
        () => [],
      ),
    ),
  )
  return found.flat()
}

/** Rules that carry an installation's comment, as the tool takes them: `-t TABLE -A CHAIN ...`. */
export async function rulesOf(tool: 'iptables' | 'ip6tables', installation: string): Promise<string[]> {
  const found: string[] = []
  for (const [table, chain] of [
    ['filter', 'INPUT'],
    ['mangle', 'PREROUTING'],
  ] as const) {
    const { stdout } = await run(`/usr/sbin/${tool}`, ['-w', '5', '-t', table, '-S', chain])
    const ours = stdout.split('\n').filter((line) => line.includes(`errand:${installation}`))
    // Some builds of iptables print the comment in quotes.
    found.push(...ours.map((line) => `-t ${table} ${line.replaceAll('"', '')}`))
  }
  return found
}

/** Runs the Docker command line; the lines it printed. */
export async function docker(...args: string[]): Promise<string[]> {
  const { stdout } = await run('docker', args)
  return stdout.split('\n').filter((line) => line !== '')
}
