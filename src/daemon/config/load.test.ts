import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MIB } from '../../core/resources.ts'
import type { Config } from './config.ts'
import { explain } from './explain.ts'
import type { ConfigFlags } from './flags.ts'
import { loadConfig } from './load.ts'
import { type TestHostOptions, testHost } from './test-host.fixture.ts'

const FILE = '/etc/errand/errand.yaml'

function load(options: TestHostOptions = {}, flags: ConfigFlags = {}): Config {
  return loadConfig(flags, testHost(options)).config
}

function originOf(key: string, options: TestHostOptions, flags: ConfigFlags = {}): string | undefined {
  return explain(loadConfig(flags, testHost(options)).values).find((row) => row.key === key)?.origin
}

const LAN = { host: '*.lan', port: '81', isHttp: true }

test('without any source the defaults hold', () => {
  assert.deepEqual(load(), {
    grant: {
      cpuMillis: 4000,
      memoryBytes: 4096 * MIB,
      keepAliveMs: 60_000,
      hasGpu: false,
      microVmRuntime: undefined,
    },
    sgx: { isEnabled: false, devicePath: '/dev/sgx_enclave', aesmdPath: '/var/run/aesmd' },
    listeners: [
      {
        address: { host: '127.0.0.1', port: 2591 },
        isLoopback: true,
        faces: new Set(['meca', 'v1', 'docs', 'metrics'] as const),
        auth: 'none',
        hasControl: true,
      },
      {
        address: { unixPath: '/run/errand/errand.sock' },
        isLoopback: true,
        faces: new Set(['meca', 'v1', 'docs', 'metrics'] as const),
        auth: 'peer',
        hasControl: true,
      },
    ],
    allowedHosts: [],
    auth: { tokensFile: '/var/lib/errand/tokens.json' },
    node: 'edge-1',
    stateDir: '/var/lib/errand',
    runDir: '/run/errand',
    docker: {
      socketPath: '/var/run/docker.sock',
      network: undefined,
      registryConfig: '/home/ann/.docker/config.json',
    },
    images: {
      pull: 'ifNotPresent',
      pullTimeoutMs: 300_000,
      noProgressTimeoutMs: 120_000,
      allow: ['**'],
      privateRegistries: [],
      minFreeBytes: 1024 * MIB,
      gcHighPercent: 85,
      gcLowPercent: 80,
      gcMinAgeMs: 120_000,
    },
    tasks: {
      readiness: { kind: 'mark', mark: 'meca-init-done' },
      startTimeoutMs: 60_000,
      requestTimeoutMs: 300_000,
      queueTimeoutMs: 60_000,
      maxRequestBytes: MIB,
      maxResponseBytes: 16 * MIB,
      concurrency: Number.POSITIVE_INFINITY,
      queueLimit: 1000,
      diskBytes: 10 * 1024 * MIB,
      network: 'egress',
      presets: [],
      readyMark: 'meca-init-done',
      hostAccess: 'deny',
      privateNetworks: 'allow',
    },
    executions: {
      allowEgress: false,
      profile: 'standard',
      presets: [],
      publishAddresses: ['127.0.0.1'],
      timeoutMs: undefined,
      queueLimit: 1000,
      callerQueueLimit: 1000,
      queueTimeoutMs: 86_400_000,
      pullTimeoutMs: 1_800_000,
      diskBytes: 10 * 1024 * MIB,
      retentionMs: 86_400_000,
      retentionBytes: Infinity,
      minFreeBytes: undefined,
      inputPresets: new Map(),
      inputBytes: 10 * 2 ** 30,
      inputFiles: 100_000,
      inputTotalBytes: 50 * 2 ** 30,
    },
    drainTimeoutMs: 0,
    invocations: {
      concurrency: 16,
      queueLimit: 1000,
      callerQueueLimit: 1000,
      queueTimeoutMs: 3_600_000,
      maxRequestBytes: 16 * 2 ** 20,
      maxResponseBytes: 64 * 2 ** 20,
      retentionMs: 86_400_000,
      retentionBytes: 4 * 1024 * MIB,
    },
    webhooks: {
      allow: [],
      privateAddresses: [],
      secretFile: '/var/lib/errand/webhook-secret',
      timeoutMs: 10_000,
      giveUpAfterMs: 86_400_000,
    },
    isolation: { gvisorRuntime: 'runsc', allowUnenforced: new Set(), allowKnownHoles: false },
    resources: { cpuOvercommit: 1, hostCheck: 'full' },
    tracing: undefined,
    log: { level: 'info', hasAccessLog: false },
    isMecaStrict: false,
  } satisfies Config)
})

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

test('flags win over environment, environment over file, file over defaults, key by key', () => {
  const options = {
    files: { [FILE]: 'cpu: 1\nmem: 1000\ntimeout: 2\n' },
    environment: { ERRAND_CPU: '2', ERRAND_MEM: '2000' },
  }
  const { grant } = load(options, { cpu: '3' })
  assert.deepEqual([grant.cpuMillis, grant.memoryBytes, grant.keepAliveMs], [3000, 2000 * MIB, 120_000])
  assert.equal(originOf('cpu', options, { cpu: '3' }), 'flag --cpu')
  assert.equal(originOf('mem', options), 'environment ERRAND_MEM')
  assert.equal(originOf('timeout', options), `${FILE}:3`)
  assert.equal(originOf('has_gpu', options), 'default')
})

test('the file is named by the flag, else by ERRAND_CONFIG, else it is the first usual one that is there', () => {
  const files = { '/a': 'cpu: 1', '/b': 'cpu: 2', '/app/mecanywhere_executor.yaml': 'cpu: 3', [FILE]: 'cpu: 4' }
  const environment = { ERRAND_CONFIG: '/b' }
  assert.equal(originOf('cpu', { files, environment }, { config: '/a' }), '/a:1')
  assert.equal(originOf('cpu', { files, environment }), '/b:1')
  assert.equal(originOf('cpu', { files }), '/app/mecanywhere_executor.yaml:1')
  assert.equal(originOf('cpu', { files: { [FILE]: 'cpu: 4' } }), `${FILE}:1`)
})

test('an empty file, empty sections and comments say nothing', () => {
  for (const text of ['', '\n# nothing\n', '---\n', '{}', 'tasks:\n  # startTimeoutMs: 5\nlog: {}\n']) {
    assert.deepEqual(load({ files: { [FILE]: text } }), load(), JSON.stringify(text))
  }
})

test('every way to write a value from text works', () => {
  const { tasks, log, isolation, listeners } = load(
    {},
    {
      logLevel: 'warn',
      listen: ['127.0.0.1:1', '[::1]:2'],
      set: [
        'tasks.concurrency=7',
        'tasks.maxRequestBytes=2048',
        'tasks.readyMark=a=b',
        'log.access=true',
        'isolation.runtimes={kata: {allowUnenforced: true}}',
      ],
    },
  )
  assert.deepEqual(
    [tasks.concurrency, tasks.maxRequestBytes, tasks.readiness],
    [7, 2048, { kind: 'mark', mark: 'a=b' }],
  )
  assert.deepEqual(log, { level: 'warn', hasAccessLog: true })
  assert.deepEqual([...isolation.allowUnenforced], ['kata'])
  assert.deepEqual(
    listeners.map(({ address }) => address),
    [
      { host: '127.0.0.1', port: 1 },
      { host: '::1', port: 2 },
    ],
  )
})

test('ERRAND_LISTEN is a list with commas, ERRAND_NODE_NAME the name, and an empty variable is not set', () => {
  const environment = {
    ERRAND_LISTEN: '127.0.0.1:1, unix:/s',
    ERRAND_NODE_NAME: 'n1',
    ERRAND_NODE: '/bin/node',
    ERRAND_CPU: '',
  }
  const { listeners, node, grant } = load({ environment })
  assert.deepEqual(
    listeners.map(({ address }) => address),
    [{ host: '127.0.0.1', port: 1 }, { unixPath: '/s' }],
  )
  assert.deepEqual([node, grant.cpuMillis], ['n1', 4000])
})

test('variables of others are left alone, and so are those of Errand that are no keys', () => {
  const environment = { PATH: '/bin', ERRANDS: 'x', ERRAND_SOCKET: '/s', ERRAND_FAULT: '', ERRAND_NODE: '/n' }
  assert.deepEqual(load({ environment }), load())
})

test('users other than root get their own folders, by XDG where it is set', () => {
  const own = load({ isRoot: false })
  assert.deepEqual([own.stateDir, own.runDir], ['/home/ann/.local/state/errand', '/home/ann/.local/state/errand/run'])
  const xdg = load({ isRoot: false, environment: { XDG_STATE_HOME: '/x/state/', XDG_RUNTIME_DIR: '/run/user/7' } })
  assert.deepEqual([xdg.stateDir, xdg.runDir], ['/x/state/errand', '/run/user/7/errand'])
  assert.equal(load({ isRoot: false, environment: { XDG_STATE_HOME: 'relative' } }).stateDir, own.stateDir)
})

test('the default socket is in runDir, wherever that comes from', () => {
  const [, socket] = load({ environment: { ERRAND_RUN_DIR: '/tmp/r/' } }).listeners
  assert.deepEqual(socket?.address, { unixPath: '/tmp/r/errand.sock' })
})

test('the name of the host is made into a node name', () => {
  const names = [
    ['Edge_Box.lab.example', 'edge-box-lab-example'],
    ['--x', 'x'],
    ['a'.repeat(40), 'a'.repeat(30)],
    [`${'a'.repeat(29)}.b`, 'a'.repeat(29)],
    ['...', 'node'],
    ['', 'node'],
  ] as const
  for (const [hostName, node] of names) assert.equal(load({ hostName }).node, node)
})

test('anchors and aliases mean what they mean in YAML', () => {
  const text = 'listen: [&a "127.0.0.1:1"]\ndocker: &d { network: *a }\nnode: n\n'
  assert.throws(() => load({ files: { [FILE]: text } }), /errand\.yaml:2: docker\.network: must be/)
  const { tasks } = load({ files: { [FILE]: 'tasks: { startTimeoutMs: &t 5, queueTimeoutMs: *t }' } })
  assert.deepEqual([tasks.startTimeoutMs, tasks.queueTimeoutMs], [5, 5])
})
