import assert from 'node:assert/strict'
import { networkInterfaces } from 'node:os'
import { test } from 'node:test'
import { randomId } from '../../src/core/ids.ts'
import { ConformanceBench, OutputRecorder } from '../../src/engine/conformance-bench.ts'
import { Firewall } from '../../src/engine/docker/firewall.ts'
import type { PortBinding, SandboxRef, SandboxSpec } from '../../src/engine/engine.ts'
import { docker, openDocker, rulesOf, tracesOf } from '../support/engine-host.ts'
import { engineImages } from '../support/engine-images.ts'
import { holdAddress } from '../support/host-network.ts'
import { Outside, PONG, pong, reachedFrom, reachedFromHost, type Target } from '../support/pong.ts'

const images = await engineImages()

/** One that answers `pong` on this port of its own. */
async function ponging(bench: ConformanceBench, port: number, changes: Partial<SandboxSpec>): Promise<SandboxRef> {
  const ref = await bench.createPortless(images.serves, {
    process: { entrypoint: ['/bin/node', '-e', PONG, String(port)] },
    ...changes,
  })
  const output = new OutputRecorder()
  using _attachment = await bench.engine.attach(ref, output.sink, bench.signal)
  await bench.engine.start(ref, bench.signal)
  await output.until(`${port}\n`, bench.signal)
  return ref
}

/** All that lies around a sandbox: its host, a neighbour, one on another bridge, the metadata service, and what is outside. */
class Surroundings implements AsyncDisposable {
  readonly targets: Readonly<Record<'gateway' | 'host' | 'metadata' | 'neighbour' | 'elsewhere' | 'outside', Target>>
  readonly #held: AsyncDisposableStack

  private constructor(targets: Surroundings['targets'], held: AsyncDisposableStack) {
    this.targets = targets
    this.#held = held
  }

  static async around(bench: ConformanceBench, spec: Partial<SandboxSpec>): Promise<Surroundings> {
    await using held = new AsyncDisposableStack()
    const host = held.use(await pong())
    const outside = held.use(await Outside.open())
    const metadata = '169.254.77.77'
    held.use(await holdAddress(metadata))
    const neighbour = await bench.inspect(await ponging(bench, 8080, spec))
    const elsewhere = await bench.inspect(await ponging(bench, 8080, { network: 'tasks' }))
    const address = hostAddress()
    const targets = {
      gateway: { host: await gatewayOf(neighbour.id), port: host.port },
      host: { host: address, port: host.port },
      metadata: { host: metadata, port: host.port },
      neighbour: { host: neighbour.net?.ipAddress ?? '', port: 8080 },
      elsewhere: { host: elsewhere.net?.ipAddress ?? '', port: 8080 },
      outside: { host: outside.host, port: outside.port },
    }
    const isThere = await reachedFromHost(Object.values(targets))
    assert.equal(isThere.length, 2 * Object.keys(targets).length, `control: all answer, but only ${isThere.join()}`)
    return new Surroundings(targets, held.move())
  }

  get all(): Target[] {
    return Object.values(this.targets)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#held.disposeAsync()
  }
}

/** Of the bridge that a sandbox is on: an internal network has none in the Engine's words, but the host has its address there. */
async function gatewayOf(id: string): Promise<string> {
  const [network = ''] = await docker('inspect', '--format', '{{.HostConfig.NetworkMode}}', id)
  const format = '{{range .IPAM.Config}}{{.Gateway}}{{end}}'
  const [gateway = ''] = await docker('network', 'inspect', '--format', format, network)
  return gateway
}

function hostAddress(): string {
  const { eth0 = [], ...others } = networkInterfaces()
  const found = [...eth0, ...Object.values(others).flatMap((addresses) => addresses ?? [])].find(
    ({ family, internal }) => family === 'IPv4' && !internal,
  )
  assert.ok(found, 'the host has no address')
  return found.address
}

const PORTS: readonly PortBinding[] = [
  { protocol: 'tcp', hostIp: '127.0.0.1', hostPort: 0, port: 8080 },
  { protocol: 'udp', hostIp: '127.0.0.1', hostPort: 0, port: 8080 },
  { protocol: 'tcp', hostIp: '0.0.0.0', hostPort: 0, port: 8080 },
]

for (const ports of [undefined, PORTS]) {
  const spec = { network: 'internal', ...(ports && { ports }) } as const
  test(`a sandbox on the network internal ${ports ? 'with' : 'without'} ports reaches nothing at all`, async () => {
    await using engine = await openDocker()
    await using bench = new ConformanceBench(engine, images)
    await using around = await Surroundings.around(bench, spec)
    const ref = await ponging(bench, 9090, spec)
    assert.deepEqual(await reachedFrom(bench, ref, around.all), [])
    const { net } = await bench.inspect(ref)
    const itself = { host: net?.ipAddress ?? '', port: 9090 }
    assert.deepEqual(await reachedFrom(bench, ref, [itself]), [`tcp ${itself.host}`, `udp ${itself.host}`], 'control')
    assert.deepEqual(await reachedFromHost([itself]), [`tcp ${itself.host}`, `udp ${itself.host}`])
  })
}

test('ports of the host lead to a sandbox on the network internal, over TCP and UDP, and are told as they were bound', async () => {
  await using engine = await openDocker()
  await using bench = new ConformanceBench(engine, images)
  const ref = await ponging(bench, 8080, { network: 'internal', ports: PORTS })
  const { net } = await bench.inspect(ref)
  assert.deepEqual(net?.ports.map(({ protocol, hostIp, port }) => `${protocol} ${hostIp} ${port}`).toSorted(), [
    'tcp 0.0.0.0 8080',
    'tcp 127.0.0.1 8080',
    'udp 127.0.0.1 8080',
  ])
  for (const { protocol, hostIp, hostPort } of net?.ports ?? []) {
    const host = hostIp === '0.0.0.0' ? hostAddress() : hostIp
    assert.ok(
      (await reachedFromHost([{ host, port: hostPort }])).includes(`${protocol} ${host}`),
      `${protocol} ${host}`,
    )
  }
})

test('a port of the host that is taken, or an address that it does not have, is network_unavailable', async () => {
  await using engine = await openDocker()
  await using bench = new ConformanceBench(engine, images)
  await using taken = await pong()
  for (const [hostIp, hostPort] of [
    ['127.0.0.1', taken.port],
    ['192.0.2.1', 0],
  ] as const) {
    const ports = [{ protocol: 'tcp', hostIp, hostPort, port: 80 }] as const
    const ref = await bench.createPortless(images.waits, { network: 'internal', ports })
    await assert.rejects(engine.start(ref, bench.signal), { code: 'network_unavailable' }, hostIp)
  }
})

test('a sandbox on the network egress reaches what is outside, and nothing of this host nor its neighbour', async () => {
  await using engine = await openDocker({ executions: { allowEgress: true } })
  await using bench = new ConformanceBench(engine, images)
  await using around = await Surroundings.around(bench, { network: 'egress' })
  const ref = await ponging(bench, 9090, { network: 'egress' })
  const { outside } = around.targets
  assert.deepEqual(await reachedFrom(bench, ref, around.all), [`tcp ${outside.host}`, `udp ${outside.host}`])
  assert.deepEqual([...(await engine.probe(bench.signal)).networks].toSorted(), ['egress', 'internal', 'none', 'tasks'])
})

test('the network egress is refused unless the operator allows it, naming the switch', async () => {
  await using engine = await openDocker()
  await using bench = new ConformanceBench(engine, images)
  await assert.rejects(bench.createPortless(images.waits, { network: 'egress' }), {
    code: 'network_unavailable',
    message: /executions\.network: egress/,
  })
  assert.deepEqual([...(await engine.probe(bench.signal)).networks].toSorted(), ['internal', 'none', 'tasks'])
})

test('a sandbox on the network none has no interface but its own loopback, and no address', async () => {
  await using engine = await openDocker({ network: { kind: 'absent' } })
  await using bench = new ConformanceBench(engine, images)
  const ref = await bench.createPortless(images.waits, { network: 'none' })
  await engine.start(ref, bench.signal)
  const output = new OutputRecorder()
  // With `NetworkDisabled`, which starts faster, the Engine would leave localhost without a name.
  const look = '/bin/busybox ls /sys/class/net; /bin/busybox grep -c localhost /etc/hosts'
  await engine.exec(ref, { argv: ['/bin/busybox', 'sh', '-c', look] }, output.sink, bench.signal)
  assert.match(output.bytes('stdout').toString(), /^lo\n[1-9]/)
  assert.equal((await bench.inspect(ref)).net, undefined)
  await assert.rejects(bench.createPortless(images.waits), { code: 'network_unavailable' })
})

test('networks are made when they are first needed, and taken away with their rules by whoever closes last', async () => {
  const installation = randomId()
  const options = { installation, network: { kind: 'absent' }, executions: { allowEgress: true } } as const
  const crashed = await openDocker(options)
  assert.deepEqual(await tracesOf(installation), [])
  {
    await using bench = new ConformanceBench(crashed, images)
    // At once: each is made a single time.
    const specs = ['internal', 'internal', 'egress', 'egress'] as const
    await Promise.all([
      ...specs.map((network) => bench.createPortless(images.waits, { network })),
      bench.createPortless(images.waits, { network: 'internal', ports: PORTS }),
    ])
    const networks = (await tracesOf(installation)).filter((trace) => trace.startsWith('network'))
    const name = `errand-${installation.slice(0, 12)}`
    assert.deepEqual(networks.toSorted(), [
      `network ${name}-egress`,
      `network ${name}-internal`,
      `network ${name}-published`,
    ])
    // Those of internal and published, and the two of egress.
    assert.equal((await rulesOf('iptables', installation)).length, 4)
  }
  const next = await openDocker(options)
  await next[Symbol.asyncDispose]()
  assert.deepEqual(await tracesOf(installation), [])
  await crashed[Symbol.asyncDispose]()
})

test('the rules of one network go and come without those of the others', async () => {
  const installation = randomId()
  await using crashed = await openDocker({ installation })
  await using bench = new ConformanceBench(crashed, images)
  const ref = await bench.createPortless(images.waits, { network: 'internal' })
  await crashed.start(ref, bench.signal)
  const bridge = `-i ei-${installation.slice(0, 12)} `
  const ofInternal = async (): Promise<string[]> =>
    (await rulesOf('iptables', installation)).filter((rule) => rule.includes(bridge))
  const before = await ofInternal()
  assert.equal(before.length, 1)
  await docker('network', 'rm', `errand-${installation.slice(0, 12)}`)
  await bench.createPortless(images.waits)
  assert.deepEqual(await ofInternal(), before)
  // Neither a later process that lets tasks reach the host, nor its end, opens what still runs.
  const network = { kind: 'own', isInternal: false, hostAccess: 'allow', privateNetworks: 'allow' } as const
  const next = await openDocker({ installation, network })
  assert.deepEqual(await rulesOf('iptables', installation), before)
  await next[Symbol.asyncDispose]()
  assert.deepEqual(await rulesOf('iptables', installation), before)
})

test('without iptables there is no network internal, and nothing is left', async () => {
  const installation = randomId()
  const firewall = new Firewall('/nonexistent')
  await using engine = await openDocker({ installation, firewall, network: { kind: 'absent' } })
  await using bench = new ConformanceBench(engine, images)
  for (const ports of [[], PORTS]) {
    await assert.rejects(bench.createPortless(images.waits, { network: 'internal', ports }), {
      code: 'network_unavailable',
      message: /everything outside.*use the network none/,
    })
  }
  assert.deepEqual([...(await engine.probe(bench.signal)).networks], ['none'])
  assert.deepEqual(await tracesOf(installation), [])
})
