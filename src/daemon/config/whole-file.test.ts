import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MIB } from '../../core/resources.ts'
import type { Config } from './config.ts'
import { load } from './test-host.fixture.ts'

const FILE = '/etc/errand/errand.yaml'
const LAN = { host: '*.lan', port: '81', isHttp: true }

test('a file of everything is read into inside units', () => {
  const text = `
    type: docker
    timeout: 0.5
    cpu: 1.5
    mem: 512
    has_gpu: true
    microVM_runtime: kata
    sgx: { enable: true, sgx_device: /dev/sgx, aesmd_path: /run/aesmd }
    listen: [{ address: '0.0.0.0:80', faces: [meca], auth: none, control: true }]
    allowedHosts: [Node.Example]
    node: lab-7
    stateDir: /srv/state
    runDir: /srv/run
    docker: { host: 'unix:///run/d.sock', network: mecanywhere, registryConfig: /etc/docker.json }
    images:
      pull: never
      pullTimeoutMs: 1000
      noProgressTimeoutMs: 500
      allow: [Docker.io/library/*, '10.0.0.1:5000/**']
      privateRegistries: [Registry.lan, '127.0.0.1:5000']
      minFreeBytes: 5GiB
      gcHighPercent: 90
      gcLowPercent: 70
      gcMinAgeMs: 1
    tasks:
      readiness: http:/healthz
      readyMark: up
      startTimeoutMs: 1
      requestTimeoutMs: 2
      queueTimeoutMs: 3
      maxRequestBytes: 4096
      maxResponseBytes: 1.5MiB
      concurrency: 3
      queueLimit: 0
      diskBytes: 2MiB
      network: internal
      presets: { 'docker.io/library/Nginx': web-server, '**': many-threads }
      hostAccess: allow
      privateNetworks: deny
    executions: { network: egress, profile: strict, presets: [big-shm], publishAddresses: [10.0.0.5, '0:0::1'], timeoutMs: 60000, queueLimit: 9, callerQueueLimit: 8, queueTimeoutMs: 2, pullTimeoutMs: 3, diskBytes: 1MiB, retentionMs: 4, retentionBytes: 5GiB, minFreeBytes: 2MiB, drainTimeoutMs: 5, inputBytes: 1, inputFiles: 2, inputTotalBytes: 3, inputPresets: { data: { path: /srv/data }, cache: { path: /srv/cache, readOnly: false } } }
    invocations: { concurrency: 1, queueLimit: 2, callerQueueLimit: 3, queueTimeoutMs: 4, maxRequestBytes: 5, maxResponseBytes: 1KiB, retentionMs: 6, retentionBytes: unlimited }
    webhooks: { allow: ['http://*.lan:81'], privateAddresses: [10.1.0.0/16, '::1'], secretFile: /s, timeoutMs: 7, giveUpAfterMs: 8 }
    isolation: { gvisorRuntime: gvisor, runtimes: { kata: { allowUnenforced: true }, runsc: , runc: { allowUnenforced: false } }, allowKnownHoles: true }
    resources: { cpuOvercommit: 2.5, hostCheck: memory }
    tracing: { endpoint: 'http://127.0.0.1:4318', sampleRatio: 0.5, headersFile: /etc/errand/headers }
    log: { level: debug, access: true }
    mecaStrictCompat: true`
  assert.deepEqual(load({ files: { [FILE]: text } }), {
    grant: {
      cpuMillis: 1500,
      memoryBytes: 512 * MIB,
      keepAliveMs: 30_000,
      hasGpu: true,
      microVmRuntime: 'kata',
    },
    sgx: { isEnabled: true, devicePath: '/dev/sgx', aesmdPath: '/run/aesmd' },
    listeners: [
      {
        address: { host: '0.0.0.0', port: 80 },
        isLoopback: false,
        faces: new Set(['meca'] as const),
        auth: 'none',
        hasControl: true,
      },
    ],
    allowedHosts: ['node.example'],
    auth: { tokensFile: '/srv/state/tokens.json' },
    node: 'lab-7',
    stateDir: '/srv/state',
    runDir: '/srv/run',
    docker: { socketPath: '/run/d.sock', network: 'mecanywhere', registryConfig: '/etc/docker.json' },
    images: {
      pull: 'never',
      pullTimeoutMs: 1000,
      noProgressTimeoutMs: 500,
      allow: ['docker.io/library/*', '10.0.0.1:5000/**'],
      privateRegistries: ['registry.lan', '127.0.0.1:5000'],
      minFreeBytes: 5120 * MIB,
      gcHighPercent: 90,
      gcLowPercent: 70,
      gcMinAgeMs: 1,
    },
    tasks: {
      readiness: { kind: 'http', path: '/healthz' },
      startTimeoutMs: 1,
      requestTimeoutMs: 2,
      queueTimeoutMs: 3,
      maxRequestBytes: 4096,
      maxResponseBytes: 1_572_864,
      concurrency: 3,
      queueLimit: 0,
      diskBytes: 2 * MIB,
      network: 'internal',
      presets: [
        { glob: 'docker.io/library/nginx', preset: 'web-server' },
        { glob: '**', preset: 'many-threads' },
      ],
      readyMark: 'up',
      hostAccess: 'allow',
      privateNetworks: 'deny',
    },
    executions: {
      allowEgress: true,
      profile: 'strict',
      presets: ['big-shm'],
      publishAddresses: ['10.0.0.5', '::1'],
      timeoutMs: 60_000,
      queueLimit: 9,
      callerQueueLimit: 8,
      queueTimeoutMs: 2,
      pullTimeoutMs: 3,
      diskBytes: MIB,
      retentionMs: 4,
      retentionBytes: 5 * 1024 * MIB,
      minFreeBytes: 2 * MIB,
      inputPresets: new Map([
        ['data', { path: '/srv/data', isReadOnly: true }],
        ['cache', { path: '/srv/cache', isReadOnly: false }],
      ]),
      inputBytes: 1,
      inputFiles: 2,
      inputTotalBytes: 3,
    },
    drainTimeoutMs: 5,
    invocations: {
      concurrency: 1,
      queueLimit: 2,
      callerQueueLimit: 3,
      queueTimeoutMs: 4,
      maxRequestBytes: 5,
      maxResponseBytes: 1024,
      retentionMs: 6,
      retentionBytes: Infinity,
    },
    webhooks: {
      allow: [LAN],
      privateAddresses: ['10.1.0.0/16', '::1'],
      secretFile: '/s',
      timeoutMs: 7,
      giveUpAfterMs: 8,
    },
    isolation: { gvisorRuntime: 'gvisor', allowUnenforced: new Set(['kata']), allowKnownHoles: true },
    resources: { cpuOvercommit: 2.5, hostCheck: 'memory' },
    tracing: {
      url: 'http://127.0.0.1:4318/v1/traces',
      sampleRatio: 0.5,
      headersFile: '/etc/errand/headers',
    },
    log: { level: 'debug', hasAccessLog: true },
    isMecaStrict: true,
  } satisfies Config)
})
