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
