import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { test } from 'node:test'
import { lock } from '../../examples/tasks/offline/command.ts'
import { randomId } from '../../src/core/ids.ts'
import { type AttackTarget, attack } from '../support/attack.ts'
import { onlyContainer } from '../support/containers.ts'
import { docker, type TestDaemon } from '../support/daemon.ts'
import { DOCKER_SOCKET } from '../support/engine-host.ts'
import { startFaultDaemon } from '../support/fault-daemon.ts'
import { enableIpv6, holdAddress, listenOnIpv6 } from '../support/host-network.ts'
import { openHostServices, openOutside, whyNoOutside } from '../support/host-services.ts'
import { addressOf, puppetRequest } from '../support/puppet.ts'

// TCP and UDP to this host's services by IPv4, neighbours and other networks: test/integration/network-isolation.test.ts.

/** An image that is missing is built first. */
const options = { timeout: 300_000 }
const UNGUARDED = ['tasks.hostAccess=allow']

const ipv6 = { ...options, skip: existsSync('/proc/net/if_inet6') ? false : 'this kernel has no IPv6' }
const outside = { ...options, skip: whyNoOutside() ?? false }

/** What becomes of attempts to get to each of the targets. */
async function tries(node: TestDaemon, ...targets: AttackTarget[]): Promise<unknown> {
  return attack(node, { order: 'connect', targets })
}

async function networkOf(node: TestDaemon): Promise<string> {
  return `errand-${node.installation.slice(0, 12)}`
}

for (const [settings, tcp, udp] of [
  [[], 'SILENCE', 'SILENCE'],
  [UNGUARDED, 'connected', 'answered'],
] as const) {
  const title =
    settings.length === 0 ? 'A32: a task reaches no service of this host' : 'A32 (control): unguarded, it does'
  test(`${title} by IPv6, given an address of that kind`, ipv6, async () => {
    await using services = await listenOnIpv6()
    await using node = await startFaultDaemon({ settings })
    await attack(node, { order: 'nothing' })
    const bridge = await enableIpv6(await onlyContainer(node), await networkOf(node))
    const target = { host: `${bridge}%eth0`, port: services.port }
    const outcomes = await Promise.all([tries(node, target), attack(node, { order: 'ping', targets: [target] })])
    assert.deepEqual(outcomes, [[tcp], [udp]])
  })
}

/** Where clouds answer with a machine's credentials. */
const METADATA = '169.254.169.254'

for (const [settings, here, beyond] of [
  [[], 'SILENCE', 'SILENCE'],
  [UNGUARDED, 'connected', 'connected'],
] as const) {
  const title =
    settings.length === 0
      ? 'A31: a task reaches no metadata service, neither on this host nor beyond it'
      : 'A31 (control): unguarded, it reaches both'
  test(title, outside, async () => {
    await using _alone = await lock('/tmp/errand-test-metadata.lock')
    await using node = await startFaultDaemon({ settings })
    {
      await using services = await openHostServices()
      await using _address = await holdAddress(METADATA)
      const targets = [{ host: METADATA, port: services.tcpPort }]
      assert.deepEqual(await tries(node, ...targets), [here])
    }
    await using machine = await openOutside([METADATA])
    const { port } = machine
    assert.deepEqual(await tries(node, { host: METADATA, port }), [beyond])
    assert.deepEqual(await tries(node, { host: machine.host, port }), ['connected'], 'the way there is open')
  })
}

/** One of each range, where the Engine puts none of its own networks first. */
const PRIVATE = ['10.213.77.2', '172.16.213.2', '192.168.250.2', '100.99.213.2']

test('A31: a task reaches private addresses, unless tasks.privateNetworks is deny', outside, async () => {
  await using _alone = await lock('/tmp/errand-test-metadata.lock')
  await using machine = await openOutside(PRIVATE)
  const { port } = machine
  const targets = [machine.host, ...PRIVATE].map((host) => ({ host, port }))
  for (const [setting, outcome] of [
    ['allow', 'connected'],
    ['deny', 'SILENCE'],
  ] as const) {
    await using node = await startFaultDaemon({ settings: [`tasks.privateNetworks=${setting}`] })
    assert.deepEqual(await tries(node, ...targets), ['connected', outcome, outcome, outcome, outcome])
  }
})

test('A33 (control): on a network of the operator that lets them, tasks do reach each other', options, async () => {
  const name = `errand-test-${randomId().slice(0, 12)}`
  await docker('network', 'create', name)
  try {
    await using node = await startFaultDaemon({ settings: [`docker.network=${name}`] })
    await node.execute(await puppetRequest({ print: 'the neighbour' }))
    const host = await addressOf(await onlyContainer(node))
    assert.deepEqual(await tries(node, { host, port: 8080 }), ['connected'])
  } finally {
    await docker('network', 'rm', name)
  }
})

test(
  'A33: a task can learn the names of its neighbours from the DNS server of the Engine, and no more',
  options,
  async () => {
    await using node = await startFaultDaemon()
    await node.execute(await puppetRequest({ print: 'the neighbour' }))
    const neighbour = await onlyContainer(node)
    const address = await addressOf(neighbour)
    // What it tells: the node's name, a random id and the beginning of the installation's. Documented in threat-model.md.
    const names = await attack(node, { order: 'reverse', address })
    assert.deepEqual(names, [`${neighbour}.${await networkOf(node)}`])
    assert.deepEqual(await tries(node, { host: address, port: 8080 }), ['SILENCE'])
  },
)

test(
  'A24: a task sees neither the Docker socket nor that of the daemon, nor abstract sockets of this host',
  options,
  async () => {
    const abstract = `\0errand-test-${randomId()}`
    await using server = createServer((socket) => socket.destroy()).listen(abstract)
    await once(server, 'listening')
    await using node = await startFaultDaemon({ listen: ['127.0.0.1:0', `unix:/tmp/errand-test-${process.pid}.sock`] })
    const [, own = ''] = node.daemon.addresses
    const paths = [DOCKER_SOCKET, '/run/docker.sock', '/run/containerd/containerd.sock', own.slice('unix:'.length)]
    assert.ok(paths.filter((path) => existsSync(path)).length >= 2, 'control: on this host they are there')
    const visitor = connect(abstract)
    await once(visitor, 'connect')
    visitor.destroy()
    assert.deepEqual(await attack(node, { order: 'exists', paths }), [])
    assert.deepEqual(await tries(node, { path: abstract }), ['ECONNREFUSED'])
    const sources = mountedFromHost(String(await attack(node, { order: 'read', path: '/proc/self/mountinfo' })))
    assert.deepEqual(sources, MOUNTED)
  },
)

const MOUNTED = ['/etc/hostname', '/etc/hosts', '/etc/resolv.conf', '/run/errand', '/sbin/docker-init']

/** Places in a task that are neither its root file system nor a file system of the kernel's own. */
function mountedFromHost(mountInfo: string): string[] {
  const lines = mountInfo.trim().split('\n')
  return lines
    .map((line) => line.split(' ')[4] ?? '')
    .filter((path) => !/^\/$|^\/(proc|sys|dev)(\/|$)/.test(path))
    .sort()
}
