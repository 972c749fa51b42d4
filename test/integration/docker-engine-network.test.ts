import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { networkInterfaces } from 'node:os'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { randomId } from '../../src/core/ids.ts'
import { ConformanceBench } from '../../src/engine/conformance-bench.ts'
import type { DockerEngine } from '../../src/engine/docker/docker-engine.ts'
import { Firewall } from '../../src/engine/docker/firewall.ts'
import type { NetworkOptions } from '../../src/engine/docker/network.ts'
import type { SandboxRef } from '../../src/engine/engine.ts'
import { docker, openDocker, rulesOf, tracesOf } from '../support/engine-host.ts'
import { engineImages } from '../support/engine-images.ts'

const OPEN: NetworkOptions = { kind: 'own', isInternal: false, hostAccess: 'allow', privateNetworks: 'allow' }
const INTERNAL: NetworkOptions = { kind: 'own', isInternal: true, hostAccess: 'deny', privateNetworks: 'allow' }
/** How long a task tries to connect: far more than a connection on one host takes. */
const CONNECT_SECONDS = '2'

const images = await engineImages()

test('the rules and the network are there while the engine is open, and gone once it is disposed', async () => {
  const installation = randomId()
  const engine = await openDocker({ installation })
  const name = `errand-${installation.slice(0, 12)}`
  const open = await tracesOf(installation)
  const [network] = await docker('network', 'inspect', '--format', '{{json .Options}}', name)
  await engine[Symbol.asyncDispose]()
  const unasked =
    `-i er-${installation.slice(0, 12)} -m conntrack ! --ctstate RELATED,ESTABLISHED ` +
    `-m comment --comment errand:${installation} -j DROP`
  assert.deepEqual(open, [
    `network ${name}`,
    `-t filter -A INPUT ${unasked}`,
    `-t mangle -A PREROUTING -d 169.254.0.0/16 ${unasked}`,
    `-t filter -A INPUT ${unasked}`,
    `-t mangle -A PREROUTING -d fe80::/10 ${unasked}`,
  ])
  assert.match(network ?? '', /"com.docker.network.bridge.enable_icc":"false"/)
  assert.deepEqual(await tracesOf(installation), [])
})

for (const network of [undefined, INTERNAL]) {
  const kind = network === undefined ? 'own' : 'internal'
  test(`a task on the ${kind} network reaches no service of this host, while the host reaches the task`, async () => {
    await using host = await listenEverywhere()
    await using engine = await openDocker(network === undefined ? {} : { network })
    await using bench = new ConformanceBench(engine, images)
    const task = await bench.startReady(images.waits)
    assert.deepEqual(await reachable(task, host.port), [])
    await assertReached(bench, engine)
  })
}

test('with host access allowed a task reaches the host, so that the test above means something', async () => {
  await using host = await listenEverywhere()
  await using engine = await openDocker({ network: OPEN })
  await using bench = new ConformanceBench(engine, images)
  const task = await bench.startReady(images.waits)
  assert.deepEqual(await reachable(task, host.port), await hostAddresses(task))
})

test('a task does not reach its neighbour', async () => {
  await using engine = await openDocker()
  await using bench = new ConformanceBench(engine, images)
  const neighbour = await bench.startReady(images.serves)
  const { tcp } = await bench.inspect(neighbour)
  assert.ok(tcp)
  const task = await bench.startReady(images.waits)
  assert.equal(await connects(task, tcp.host, tcp.port), false)
})

test('what a crashed run left is reused, and removed in the end with every copy of the rule', async () => {
  const installation = randomId()
  const crashed = await openDocker({ installation })
  const [rule = ''] = await rulesOf('iptables', installation)
  await run('/usr/sbin/iptables', ['-w', '5', ...rule.replace('-A INPUT', '-I INPUT').split(' ')])
  const engine = await openDocker({ installation })
  assert.equal((await tracesOf(installation)).filter((trace) => trace.startsWith('network')).length, 1)
  await engine[Symbol.asyncDispose]()
  assert.deepEqual(await tracesOf(installation), [])
  await crashed[Symbol.asyncDispose]()
})

test('a leftover network with other settings is made anew, unless something still runs on it', async () => {
  const installation = randomId()
  await using crashed = await openDocker({ installation })
  {
    await using bench = new ConformanceBench(crashed, images)
    const running = await bench.startReady(images.waits)
    await assert.rejects(openDocker({ installation, network: INTERNAL }), { code: 'network_unavailable' })
    assert.equal((await bench.inspect(running)).state, 'running')
    assert.notDeepEqual(await rulesOf('iptables', installation), [])
  }
  await using engine = await openDocker({ installation, network: INTERNAL })
  const name = `errand-${installation.slice(0, 12)}`
  assert.deepEqual(await docker('network', 'inspect', '--format', '{{.Internal}}', name), ['true'])
  assert.equal(engine.name, 'docker')
})

test('a rule that an earlier run left is removed when host access is allowed', async () => {
  const installation = randomId()
  const crashed = await openDocker({ installation })
  await using engine = await openDocker({ installation, network: OPEN })
  assert.deepEqual(await rulesOf('iptables', installation), [])
  assert.equal(engine.name, 'docker')
  await crashed[Symbol.asyncDispose]()
})

test('a network given by name is used and left as it is', async () => {
  const name = `errand-test-${randomId().slice(0, 12)}`
  await docker('network', 'create', name)
  try {
    const before = await docker('network', 'inspect', name)
    const installation = randomId()
    await using engine = await openDocker({ installation, network: { kind: 'named', name } })
    assert.deepEqual(await tracesOf(installation), [])
    {
      await using bench = new ConformanceBench(engine, images)
      await assertReached(bench, engine)
    }
    await engine[Symbol.asyncDispose]()
    assert.deepEqual(await docker('network', 'inspect', name), before)
  } finally {
    await docker('network', 'rm', name)
  }
})

test('a network that has our name but not our label is refused and left as it is', async () => {
  const installation = randomId()
  const name = `errand-${installation.slice(0, 12)}`
  await docker('network', 'create', name)
  try {
    await assert.rejects(openDocker({ installation }), { code: 'network_unavailable' })
    assert.deepEqual(await rulesOf('iptables', installation), [])
  } finally {
    await docker('network', 'rm', name)
  }
})

test('a network that is not there, or is that of the host, is refused', async () => {
  const named = (name: string): Promise<DockerEngine> => openDocker({ network: { kind: 'named', name } })
  await assert.rejects(named('errand-test-absent'), { code: 'network_unavailable' })
  await assert.rejects(named('host'), { code: 'network_unavailable' })
})

test('without iptables a bridge of our own is refused, naming both ways out, and nothing is left', async () => {
  const installation = randomId()
  await assert.rejects(openDocker({ installation, firewall: new Firewall('/nonexistent') }), {
    code: 'network_unavailable',
    message: /docker\.network.*tasks\.hostAccess: allow/,
  })
  assert.deepEqual(await tracesOf(installation), [])
})

const run = promisify(execFile)

interface HostService extends AsyncDisposable {
  readonly port: number
}

/** An HTTP server on every address of this host. */
async function listenEverywhere(): Promise<HostService> {
  const server = createServer((_request, response) => response.end('host'))
  server.listen(0, '0.0.0.0')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

/** The gateway of the task's network, and an address that the host has elsewhere. */
async function hostAddresses(task: SandboxRef): Promise<string[]> {
  // An internal network has no gateway in the task's eyes; the host has its address there all the same.
  const [network = ''] = await docker('inspect', '--format', '{{.HostConfig.NetworkMode}}', task.id)
  const format = '{{range .IPAM.Config}}{{.Gateway}}{{end}}'
  const [gateway = ''] = await docker('network', 'inspect', '--format', format, network)
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? [])
  const other = all.find(({ family, internal, address }) => family === 'IPv4' && !internal && address !== gateway)
  assert.ok(gateway !== '' && other !== undefined, 'the host has no second address')
  return [gateway, other.address]
}

/** Those of the host's addresses on which the task reaches a port. */
async function reachable(task: SandboxRef, port: number): Promise<string[]> {
  const addresses = await hostAddresses(task)
  const isReached = await Promise.all(addresses.map(async (address) => connects(task, address, port)))
  return addresses.filter((_address, index) => isReached[index])
}

/** Whether an HTTP server is reached from inside the task. (The wget of a static busybox crashes; nc does not.) */
async function connects(task: SandboxRef, host: string, port: number): Promise<boolean> {
  const busybox = '/bin/busybox'
  const script = `printf 'GET / HTTP/1.0\\r\\n\\r\\n' | ${busybox} nc -w ${CONNECT_SECONDS} ${host} ${port}`
  const lines = await docker('exec', task.id, busybox, 'sh', '-c', `${script} || true`)
  return lines[0]?.startsWith('HTTP/1.1 200') ?? false
}

async function assertReached(bench: ConformanceBench, engine: DockerEngine): Promise<void> {
  const served = await bench.startReady(images.serves)
  const tcp = (await engine.inspect(served, bench.signal))?.tcp
  assert.ok(tcp)
  const response = await fetch(`http://${tcp.host}:${tcp.port}/`, { headers: { connection: 'close' } })
  assert.equal(response.status, 200)
  await response.text()
}
