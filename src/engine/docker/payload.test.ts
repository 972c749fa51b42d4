import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MIB } from '../../core/resources.ts'
import type { SandboxSpec } from '../engine.ts'
import type { ImageConfig } from './image-config.ts'
import { createBody } from './payload.ts'

const SPEC: SandboxSpec = {
  imageId: 'sha256:abc',
  resources: { cpuMillis: 1500, memoryBytes: 64 * MIB, gpus: 0 },
  runtime: 'runc',
  profile: 'standard',
  process: {},
  network: 'tasks',
  port: 8080,
  hasSocket: false,
}
const PLAIN: ImageConfig = { volumes: [], labels: [], variables: [], entrypoint: [], cmd: [] }
const IDENTITY = { name: 'errand-node-1', labels: { 'dev.errand.id': '1' } }

test('a task gets the standard profile, whole', () => {
  assert.deepEqual(createBody(SPEC, IDENTITY, 'errand-net', PLAIN), {
    Image: 'sha256:abc',
    Labels: { 'dev.errand.id': '1', 'dev.errand.endpoint': '8080' },
    Env: ['NVIDIA_VISIBLE_DEVICES=void'],
    Healthcheck: { Test: ['NONE'] },
    StopSignal: 'SIGTERM',
    HostConfig: {
      Runtime: 'runc',
      NetworkMode: 'errand-net',
      CapDrop: ['ALL'],
      CapAdd: ['CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'SETUID', 'SETGID', 'NET_BIND_SERVICE', 'KILL'],
      SecurityOpt: ['no-new-privileges'],
      ReadonlyRootfs: false,
      Memory: 67_108_864,
      MemorySwap: 67_108_864,
      NanoCpus: 1_500_000_000,
      PidsLimit: 256,
      Ulimits: [
        { Name: 'nofile', Soft: 1024, Hard: 4096 },
        { Name: 'core', Soft: 0, Hard: 0 },
      ],
      ShmSize: 16_777_216,
      Init: true,
      LogConfig: { Type: 'local', Config: { 'max-size': '10m', 'max-file': '2' } },
      OomScoreAdj: 500,
      RestartPolicy: { Name: 'no' },
      AutoRemove: false,
      Mounts: [],
      Devices: [],
    },
  })
})

test('a task with a socket gets a small folder in memory and the path in its environment', () => {
  const body: unknown = createBody({ ...SPEC, hasSocket: true }, IDENTITY, 'errand-net', PLAIN)
  assert.partialDeepStrictEqual(body, {
    Env: ['NVIDIA_VISIBLE_DEVICES=void', 'ERRAND_SOCKET=/run/errand/task.sock'],
    HostConfig: {
      Mounts: [
        {
          Type: 'volume',
          Target: '/run/errand',
          VolumeOptions: {
            NoCopy: true,
            Labels: IDENTITY.labels,
            DriverConfig: {
              Name: 'local',
              Options: {
                type: 'tmpfs',
                device: 'tmpfs',
                o: 'size=64k,nr_inodes=16,mode=1777,nosuid,nodev,noexec',
              },
            },
          },
        },
      ],
    },
  })
})

test('an SGX task gets the device and the aesmd folder at the places that SGX images expect', () => {
  const sgx = { devicePath: '/dev/isgx', aesmdPath: '/srv/aesmd' }
  const body: unknown = createBody({ ...SPEC, sgx }, IDENTITY, 'errand-net', PLAIN)
  assert.partialDeepStrictEqual(body, {
    HostConfig: {
      Devices: [{ PathOnHost: '/dev/isgx', PathInContainer: '/dev/sgx/enclave', CgroupPermissions: 'rw' }],
      Mounts: [{ Type: 'bind', Source: '/srv/aesmd', Target: '/var/run/aesmd', ReadOnly: true }],
    },
  })
})

test('A12: volumes that an image declares are in memory and as large as that, except where ours are', () => {
  const image = { ...PLAIN, volumes: ['/data', '/run/errand', '/srv/x'] }
  const body: unknown = createBody({ ...SPEC, hasSocket: true }, IDENTITY, 'errand-net', image)
  const { Mounts } = (body as { HostConfig: { Mounts: object[] } }).HostConfig
  const volume = (target: string, o: string): object => ({
    Type: 'volume',
    Target: target,
    VolumeOptions: {
      NoCopy: true,
      Labels: { 'dev.errand.id': '1' },
      DriverConfig: { Name: 'local', Options: { type: 'tmpfs', device: 'tmpfs', o } },
    },
  })
  const declared = 'size=67108864,nr_inodes=16k,mode=1777,nosuid,nodev'
  assert.deepEqual(Mounts, [
    volume('/run/errand', 'size=64k,nr_inodes=16,mode=1777,nosuid,nodev,noexec'),
    volume('/data', declared),
    volume('/srv/x', declared),
  ])
})

test('A12: labels of an image are emptied, and ours win', () => {
  const image = { ...PLAIN, labels: ['traefik.enable', 'dev.errand.id', 'dev.errand.endpoint'] }
  const body: unknown = createBody(SPEC, IDENTITY, 'errand-net', image)
  const { Labels } = body as { Labels: object }
  assert.deepEqual(Labels, { 'traefik.enable': '', 'dev.errand.id': '1', 'dev.errand.endpoint': '8080' })
})

/** What becomes of these parts of a spec. */
function bodyOf(changes: Partial<SandboxSpec>, image: Partial<ImageConfig> = {}): Record<string, unknown> {
  return createBody({ ...SPEC, ...changes }, IDENTITY, 'errand-net', { ...PLAIN, ...image }) as Record<string, unknown>
}

test('ports lead to the places that are asked for, several to one port', () => {
  const ports = [
    { protocol: 'tcp', hostIp: '127.0.0.1', hostPort: 0, port: 80 },
    { protocol: 'tcp', hostIp: '::1', hostPort: 8080, port: 80 },
    { protocol: 'udp', hostIp: '0.0.0.0', hostPort: 53, port: 53 },
  ] as const
  assert.partialDeepStrictEqual(bodyOf({ network: 'internal', ports }), {
    ExposedPorts: { '80/tcp': {}, '53/udp': {} },
    HostConfig: {
      PortBindings: {
        '80/tcp': [
          { HostIp: '127.0.0.1', HostPort: '0' },
          { HostIp: '::1', HostPort: '8080' },
        ],
        '53/udp': [{ HostIp: '0.0.0.0', HostPort: '53' }],
      },
    },
  })
  assert.throws(() => bodyOf({ network: 'none', ports }), { code: 'validation_failed' })
})

test('A34: a sandbox whose network leads nowhere has no resolver but one that the spec names', () => {
  const dnsOf = (changes: Partial<SandboxSpec>): unknown => (bodyOf(changes).HostConfig as { Dns?: unknown }).Dns
  assert.deepEqual(dnsOf({ network: 'internal' }), ['127.0.0.1'])
  assert.deepEqual(dnsOf({ network: 'none' }), ['127.0.0.1'])
  assert.deepEqual(dnsOf({ network: 'internal', dnsServers: ['192.0.2.1'] }), ['192.0.2.1'])
  assert.equal(dnsOf({ network: 'egress' }), undefined)
})

test('a command of the spec replaces as much of the image as the Engine would replace', () => {
  const image = { entrypoint: ['/entry'], cmd: ['image'] }
  const command = (process: SandboxSpec['process']): unknown[] => {
    const { Entrypoint, Cmd } = bodyOf({ process }, image)
    return [Entrypoint, Cmd]
  }
  assert.deepEqual(command({}), [undefined, undefined])
  assert.deepEqual(command({ entrypoint: [], cmd: [] }), [undefined, undefined])
  assert.deepEqual(command({ cmd: ['own'] }), [undefined, ['own']])
  assert.deepEqual(command({ entrypoint: ['/own'] }), [['/own'], undefined])
  const prefix = ['/first']
  assert.deepEqual(command({ prefix }), [prefix, ['/entry', 'image']])
  assert.deepEqual(command({ prefix, cmd: ['own'] }), [prefix, ['/entry', 'own']])
  assert.deepEqual(command({ prefix, entrypoint: ['/own'] }), [prefix, ['/own']])
  assert.throws(() => bodyOf({ process: { prefix } }), { code: 'image_invalid' })
})

test('GPUs of the lease come with their devices, groups and requests', () => {
  const gpus = [
    { vendor: 'nvidia', index: 0, uuid: 'GPU-1' },
    { vendor: 'intel', index: 0, renderNode: '/dev/dri/renderD128', groupIds: [44] },
  ] as const
  const environment = { NVIDIA_DRIVER_CAPABILITIES: 'compute', NVIDIA_VISIBLE_DEVICES: 'all' }
  const body = bodyOf({ gpus, process: { environment } }, { variables: ['NVIDIA_MIG_CONFIG_DEVICES'] })
  assert.partialDeepStrictEqual(body, {
    HostConfig: { DeviceRequests: [{ DeviceIDs: ['GPU-1'] }], GroupAdd: ['44'] },
  })
  assert.deepEqual((body.Env as string[]).toSorted(), [
    'ERRAND_RENDER_NODES=/dev/dri/renderD128',
    'NVIDIA_DRIVER_CAPABILITIES=compute',
    'NVIDIA_MIG_CONFIG_DEVICES',
    'NVIDIA_VISIBLE_DEVICES=GPU-1',
  ])
})

test('a strict task is at home in a scratch folder of its own, unless the spec has another there', () => {
  const process = { user: '1234', environment: { HOME: '/home' } }
  const strict = (changes: Partial<SandboxSpec>): Record<string, unknown> =>
    bodyOf({ profile: 'strict', process, ...changes }, { volumes: ['/tmp'] })
  const optionsOf = (body: Record<string, unknown>): unknown[] =>
    (body.HostConfig as { Mounts: { VolumeOptions: { DriverConfig: { Options: { o: string } } } }[] }).Mounts.map(
      ({ VolumeOptions }) => VolumeOptions.DriverConfig.Options.o,
    )
  assert.deepEqual(optionsOf(strict({})), [
    'size=67108864,nr_inodes=16k,uid=1234,gid=1234,mode=0700,nosuid,nodev,noexec',
  ])
  const mounts = [{ kind: 'scratch', target: '/tmp', sizeBytes: MIB, canExecute: true }] as const
  assert.deepEqual(optionsOf(strict({ mounts })), ['size=1048576,nr_inodes=16k,mode=1777,nosuid,nodev'])
  assert.ok((strict({}).Env as string[]).includes('HOME=/home'))
  assert.ok((strict({ process: { user: '1234' } }).Env as string[]).includes('HOME=/tmp'))
})
