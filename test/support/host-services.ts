import { spawn, spawnSync } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { networkInterfaces } from 'node:os'
import { run } from '../../examples/tasks/offline/command.ts'
import { docker } from './engine-host.ts'

/** Servers of this host that tasks must not reach. */
export interface HostServices extends AsyncDisposable {
  readonly tcpPort: number
  readonly udpPort: number
  /** What came to either of them, by whatever way. */
  readonly heard: readonly string[]
}

/** On every address of this host. */
export async function openHostServices(): Promise<HostServices> {
  const heard: string[] = []
  const tcp = createServer((socket) => {
    heard.push('tcp')
    socket.destroy()
  })
  tcp.listen(0, '0.0.0.0')
  await once(tcp, 'listening')
  const udp = createSocket('udp4')
  udp.on('message', (_message, { port, address }) => {
    heard.push('udp')
    udp.send('pong', port, address)
  })
  udp.bind(0)
  await once(udp, 'listening')
  return {
    tcpPort: portOf(tcp.address()),
    udpPort: portOf(udp.address()),
    heard,
    async [Symbol.asyncDispose]() {
      udp.close()
      tcp.close()
      await Promise.all([once(udp, 'close'), once(tcp, 'close')])
    },
  }
}

function portOf(address: string | { port: number } | null): number {
  if (address === null || typeof address === 'string') throw new Error('not bound to a port')
  return address.port
}

/** The host's address on a network of the Engine, and one that it has elsewhere. */
export async function hostAddresses(network: string): Promise<string[]> {
  const format = '{{range .IPAM.Config}}{{.Gateway}}{{end}}'
  const [gateway = ''] = await docker('network', 'inspect', '--format', format, network)
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? [])
  const other = all.find(({ family, internal, address }) => family === 'IPv4' && !internal && address !== gateway)
  if (gateway === '' || other === undefined)
    throw new Error(`this host has no two addresses, one of them on ${network}`)
  return [gateway, other.address]
}

/** Why there can be no outside; undefined when there can. */
export function whyNoOutside(): string | undefined {
  const isPossible = spawnSync('unshare', ['--net', 'ip', 'link']).status === 0
  return isPossible ? undefined : 'needs root, unshare and ip to stand for another machine'
}

/**
 * Another machine next to this host: a network namespace with a server. Stands for the internet. `otherAddresses` lead to
 * it too.
 */
export async function openOutside(
  otherAddresses: readonly string[] = [],
): Promise<AsyncDisposable & { host: string; port: number }> {
  const port = 7000
  const server = `require('net').createServer((s) => s.destroy()).listen(${port}, () => console.log('listening'))`
  const machine = spawn('unshare', ['--net', process.execPath, '-e', server], { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(machine.stdout, 'data')
  const pid = String(machine.pid)
  // A subnet of four addresses in TEST-NET-2 and a name, for each process that does this at the same time.
  const subnet = (process.pid % 63) * 4
  const [here, there] = [`198.51.100.${subnet + 1}`, `198.51.100.${subnet + 2}`]
  const link = `er-out-${process.pid % 63}`
  const inside = ['--target', pid, '--net', 'ip']
  await run('ip', ['link', 'add', link, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', pid])
  await run('ip', ['address', 'add', `${here}/30`, 'dev', link])
  await run('ip', ['link', 'set', link, 'up'])
  await run('nsenter', [...inside, 'address', 'add', `${there}/30`, 'dev', 'eth0'])
  await run('nsenter', [...inside, 'link', 'set', 'eth0', 'up'])
  for (const address of otherAddresses) {
    await run('nsenter', [...inside, 'address', 'add', `${address}/32`, 'dev', 'eth0'])
    await run('ip', ['route', 'add', `${address}/32`, 'via', there])
  }
  return {
    host: there,
    port,
    async [Symbol.asyncDispose]() {
      const ended = once(machine, 'exit')
      machine.kill('SIGKILL')
      await ended
      // It would go with the namespace, but a moment later.
      await run('ip', ['link', 'delete', link]).catch(() => undefined)
    },
  }
}
