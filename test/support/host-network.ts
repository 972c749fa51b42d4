import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer, type Server } from 'node:net'
import { run } from '../../examples/tasks/offline/command.ts'
import { eventually } from './containers.ts'
import { docker } from './engine-host.ts'

/** Servers of one address family on every address of this host, one for TCP and one for UDP on the same port number. */
export interface Listening extends AsyncDisposable {
  readonly port: number
}

/** On all IPv6 addresses. */
export async function listenOnIpv6(): Promise<Listening> {
  const tcp = createServer((socket) => socket.destroy())
  tcp.listen({ port: 0, host: '::', ipv6Only: true })
  await once(tcp, 'listening')
  const port = portOf(tcp)
  const udp = createSocket({ type: 'udp6', ipv6Only: true })
  udp.on('message', (_message, sender) => udp.send('pong', sender.port, sender.address))
  udp.bind(port)
  await once(udp, 'listening')
  return {
    port,
    async [Symbol.asyncDispose]() {
      udp.close()
      tcp.close()
      await Promise.all([once(udp, 'close'), once(tcp, 'close')])
    },
  }
}

function portOf(server: Server): number {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('not bound to a port')
  return address.port
}

/** Gives the task a link-local IPv6 address, which the Engine denies it; returns that of the host on the same bridge. */
export async function enableIpv6(container: string, network: string): Promise<string> {
  const [pid = ''] = await docker('inspect', '--format', '{{.State.Pid}}', container)
  const option = '{{index .Options "com.docker.network.bridge.name"}}'
  const [bridge = ''] = await docker('network', 'inspect', '--format', option, network)
  // An address is of no use before its duplicates were looked for.
  await eventually(async () => (await run('ip', ['-6', 'address', 'show', 'dev', bridge, 'tentative'])) === '')
  const about = await run('ip', ['address', 'show', 'dev', bridge])
  const [, link = ''] = /link\/ether (\S+)/.exec(about) ?? []
  const [, address] = /inet6 (fe80:\S+)\//.exec(about) ?? []
  if (address === undefined) throw new Error(`the bridge ${bridge} has no IPv6 address`)
  // A task has no right to do any of this itself. The neighbour is set, so that packets go out whoever is asked for it.
  const inside = ['--target', pid, '--net']
  await run('nsenter', [...inside, 'sysctl', '-q', '-w', 'net.ipv6.conf.eth0.disable_ipv6=0'])
  await run('nsenter', [...inside, 'ip', 'address', 'add', 'fe80::5/64', 'dev', 'eth0', 'nodad'])
  await run('nsenter', [...inside, 'ip', 'neighbour', 'replace', address, 'lladdr', link, 'dev', 'eth0'])
  return address
}

/** Gives this host another address while it is held. */
export async function holdAddress(address: string): Promise<AsyncDisposable> {
  const target = [`${address}/32`, 'dev', 'lo']
  await run('ip', ['address', 'replace', ...target])
  return {
    async [Symbol.asyncDispose]() {
      await run('ip', ['address', 'delete', ...target])
    },
  }
}
