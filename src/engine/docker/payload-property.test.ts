import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { MIB } from '../../core/resources.ts'
import type { GpuDevice, ProcessSpec, SandboxMount, SandboxSpec } from '../engine.ts'
import type { ImageConfig } from './image-config.ts'
import { createBody } from './payload.ts'

interface Body {
  readonly Env: readonly string[]
  readonly Labels: Readonly<Record<string, string>>
  readonly User?: string
  readonly HostConfig: Readonly<Record<string, unknown>> & {
    readonly Mounts: readonly Mount[]
    readonly Devices: readonly { readonly PathOnHost: string }[]
  }
  readonly [field: string]: unknown
}

interface Mount {
  readonly Type: string
  readonly Source?: string
  readonly Target: string
  readonly VolumeOptions?: {
    readonly DriverConfig: { readonly Options: { readonly type: string; readonly o: string } }
  }
}

/** All that a spec, or what follows from it, may decide. Anything else is as in the template. */
const FIELDS = ['Image', 'Labels', 'Env', 'Entrypoint', 'Cmd', 'WorkingDir', 'User', 'ExposedPorts']
const LIMITS = ['Memory', 'MemorySwap', 'NanoCpus', 'PidsLimit', 'ShmSize', 'StorageOpt', 'CgroupParent']
const NETWORK = ['NetworkMode', 'Dns', 'PortBindings']
const DEVICES = ['Mounts', 'Devices', 'DeviceRequests', 'GroupAdd']
const HOST_FIELDS = ['Runtime', ...LIMITS, ...NETWORK, ...DEVICES]

const TEMPLATE = {
  Healthcheck: { Test: ['NONE'] },
  StopSignal: 'SIGTERM',
  HostConfig: {
    CapDrop: ['ALL'],
    CapAdd: ['CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'SETUID', 'SETGID', 'NET_BIND_SERVICE', 'KILL'],
    SecurityOpt: ['no-new-privileges'],
    ReadonlyRootfs: false,
    Ulimits: [
      { Name: 'nofile', Soft: 1024, Hard: 4096 },
      { Name: 'core', Soft: 0, Hard: 0 },
    ],
    Init: true,
    LogConfig: { Type: 'local', Config: { 'max-size': '10m', 'max-file': '2' } },
    OomScoreAdj: 500,
    RestartPolicy: { Name: 'no' },
    AutoRemove: false,
  },
}

const TEMPLATES = {
  standard: TEMPLATE,
  strict: {
    ...TEMPLATE,
    HostConfig: {
      ...TEMPLATE.HostConfig,
      CapAdd: [],
      ReadonlyRootfs: true,
      LogConfig: { Type: 'local', Config: { 'max-size': '5m', 'max-file': '2' } },
    },
  },
}

const path = fc.constantFrom('/data', '/in', '/out', '/tmp', '/srv/a b', '/run/errand')
const variable = fc.oneof(
  fc.constantFrom('HOME', 'PATH', 'LD_PRELOAD', 'NVIDIA_VISIBLE_DEVICES', 'NVIDIA_MIG_CONFIG_DEVICES', 'NVIDIA_X'),
  fc.stringMatching(/^[A-Z_]{1,8}$/),
)
const id = fc.integer({ min: 1, max: 2 ** 31 - 1 })
const optional = { requiredKeys: [] as never[] }

const process: fc.Arbitrary<ProcessSpec> = fc.record(
  {
    prefix: fc.constant(['/provision/run']),
    entrypoint: fc.array(fc.string(), { maxLength: 3 }),
    cmd: fc.array(fc.string(), { maxLength: 3 }),
    environment: fc.dictionary(variable, fc.string()),
    workingDir: path,
  },
  optional,
)

const mount: fc.Arbitrary<SandboxMount> = fc.oneof(
  fc.record({ kind: fc.constant('bind'), source: path, target: path, isReadOnly: fc.boolean() }),
  fc.record({ kind: fc.constant('scratch'), target: path, sizeBytes: fc.nat(64 * MIB), canExecute: fc.boolean() }),
)

const gpu: fc.Arbitrary<GpuDevice> = fc.oneof(
  fc.record({ vendor: fc.constant('nvidia'), index: fc.nat(7), uuid: fc.stringMatching(/^GPU-[0-9a-f]{8}$/) }),
  fc.record({ vendor: fc.constant('amd'), index: fc.nat(7), renderNode: fc.constant('/dev/dri/renderD129') }),
)

const spec: fc.Arbitrary<SandboxSpec> = fc
  .tuple(
    fc.record({
      imageId: fc.constant('sha256:abc'),
      resources: fc.record({
        cpuMillis: fc.integer({ min: 100, max: 64_000 }),
        memoryBytes: fc.nat(),
        gpus: fc.nat(2),
      }),
      runtime: fc.constantFrom('runc', 'runsc'),
      hasSocket: fc.boolean(),
      network: fc.constantFrom('tasks', 'internal', 'egress'),
    }),
    fc.record(
      {
        port: fc.integer({ min: 1, max: 65_535 }),
        ports: fc.array(
          fc.record({
            protocol: fc.constantFrom('tcp', 'udp'),
            hostIp: fc.constantFrom('127.0.0.1', '0.0.0.0'),
            hostPort: fc.nat(65_535),
            port: fc.integer({ min: 1, max: 65_535 }),
          }),
        ),
        dnsServers: fc.array(fc.ipV4()),
        mounts: fc.uniqueArray(mount, { selector: ({ target }) => target }),
        pidsLimit: fc.integer({ min: 1, max: 4096 }),
        shmBytes: fc.nat(),
        diskBytes: fc.nat(),
        gpus: fc.array(gpu, { maxLength: 2 }),
      },
      optional,
    ),
    process,
    fc.oneof(
      fc.record({ profile: fc.constant('strict'), user: fc.tuple(id, id).map((ids) => ids.join(':')) }),
      fc.record({ profile: fc.constant('standard'), user: fc.constantFrom(undefined, '0', 'node') }),
    ),
  )
  .map(([needed, more, plain, { profile, user }]) => ({
    ...needed,
    ...more,
    profile,
    process: user === undefined ? plain : { ...plain, user },
  }))

const image: fc.Arbitrary<ImageConfig> = fc.record({
  volumes: fc.uniqueArray(path),
  labels: fc.uniqueArray(fc.constantFrom('dev.errand.mac', 'dev.errand.endpoint', 'traefik.enable')),
  variables: fc.uniqueArray(variable),
  entrypoint: fc.array(fc.string(), { maxLength: 2 }),
  cmd: fc.array(fc.string(), { minLength: 1, maxLength: 2 }),
})

const IDENTITY = { name: 'errand-node-1', labels: { 'dev.errand.mac': 'ours' } }

function without(fields: object, names: readonly string[]): object {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => !names.includes(name)))
}

/** For each spec and image that there can be. */
function always(holds: (body: Body, spec: SandboxSpec, image: ImageConfig) => void): void {
  const property = fc.property(spec, image, (asked, config) =>
    holds(createBody(asked, IDENTITY, 'errand-net', config) as Body, asked, config),
  )
  fc.assert(property, { numRuns: 500 })
}

test('A1: whatever a spec and an image say, the payload is the template of the profile but for a list of fields', () => {
  always((body, { profile }) => {
    const fixed = { ...without(body, FIELDS), HostConfig: without(body.HostConfig, HOST_FIELDS) }
    assert.deepEqual(fixed, TEMPLATES[profile])
  })
})

test('A1: limits are those of the spec, swap is none, and the network is the one that was chosen', () => {
  always(({ HostConfig }, { resources, pidsLimit, shmBytes, diskBytes, profile }) => {
    const { Memory, MemorySwap, NanoCpus, PidsLimit, ShmSize, StorageOpt, NetworkMode } = HostConfig
    assert.deepEqual(
      [Memory, MemorySwap, NanoCpus],
      [resources.memoryBytes, resources.memoryBytes, resources.cpuMillis * 1e6],
    )
    assert.equal(PidsLimit, pidsLimit ?? (profile === 'strict' ? 128 : 256))
    assert.deepEqual([ShmSize, NetworkMode], [shmBytes ?? 16 * MIB, 'errand-net'])
    assert.deepEqual(StorageOpt, diskBytes === undefined ? undefined : { size: String(diskBytes) })
  })
})

test('A2: nothing of the host is mounted but what the spec names, and all that is in memory has a size', () => {
  always(({ HostConfig }, { mounts = [] }) => {
    const named = mounts.flatMap((asked) => (asked.kind === 'bind' ? [asked.source] : []))
    for (const { Type, Source, VolumeOptions } of HostConfig.Mounts) {
      if (Type === 'bind') assert.ok(named.includes(Source ?? ''), Source)
      else
        assert.match(JSON.stringify(VolumeOptions?.DriverConfig.Options), /"type":"tmpfs".*"o":"size=\d+k?,nr_inodes/)
    }
  })
})

test('A1: devices are those of the lease, and no label of an image keeps its value', () => {
  always(({ HostConfig, Labels }, { gpus = [], port }, { labels }) => {
    const own = gpus.some(({ vendor }) => vendor === 'amd') ? ['/dev/kfd', '/dev/dri/renderD129'] : []
    assert.deepEqual(
      HostConfig.Devices.map(({ PathOnHost }) => PathOnHost),
      own,
    )
    assert.equal(
      HostConfig.DeviceRequests !== undefined,
      gpus.some(({ vendor }) => vendor === 'nvidia'),
    )
    const emptied = Object.fromEntries(labels.map((label) => [label, '']))
    const endpoint = port === undefined ? {} : { 'dev.errand.endpoint': String(port) }
    assert.deepEqual(Labels, { ...emptied, ...IDENTITY.labels, ...endpoint })
  })
})

test('A8: each variable comes once, and none asks the NVIDIA runtime for a GPU that was not granted', () => {
  always(({ Env }, { gpus = [] }, { variables }) => {
    const names = Env.map((entry) => entry.replace(/=.*$/s, ''))
    assert.equal(new Set(names).size, names.length)
    const said = Env.filter((entry) => entry.startsWith('NVIDIA_') && entry.includes('='))
    const [first, ...more] = said.filter((entry) => entry.startsWith('NVIDIA_VISIBLE_DEVICES='))
    const uuids = [...new Set(gpus.flatMap(({ uuid }) => uuid ?? []))]
    assert.equal(first, `NVIDIA_VISIBLE_DEVICES=${uuids.join(',') || 'void'}`)
    assert.deepEqual(more, [])
    if (gpus.length === 0) assert.deepEqual(said, [first])
    // A name alone takes the image's variable away.
    const dangerous = variables.filter((name) => name.startsWith('NVIDIA_MIG_'))
    assert.ok(dangerous.every((name) => Env.includes(name)))
  })
})

test('under strict the user is never root, nor of its group', () => {
  always(({ User }, { profile }) => {
    if (profile === 'strict') assert.match(User ?? '', /^[1-9]\d*:[1-9]\d*$/)
  })
})
