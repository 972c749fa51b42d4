import { socketIn } from './fields.ts'
import type { ConfigHost } from './host.ts'

/** The value of every key that nobody gave, as a file would write it. Some lie in folders that may have been given. */
export function defaultValues(
  host: ConfigHost,
  givenRunDir?: unknown,
  givenStateDir?: unknown,
): Readonly<Record<string, unknown>> {
  const runDir = defaultRunDir(host)
  const stateDir = defaultStateDir(host)
  const usedStateDir = typeof givenStateDir === 'string' ? givenStateDir : stateDir
  return {
    type: 'docker',
    timeout: 1,
    cpu: 4,
    mem: 4096,
    has_gpu: false,
    microVM_runtime: '',
    'sgx.enable': false,
    'sgx.sgx_device': '/dev/sgx_enclave',
    'sgx.aesmd_path': '/var/run/aesmd',
    listen: ['127.0.0.1:2591', `unix:${socketIn(typeof givenRunDir === 'string' ? givenRunDir : runDir)}`],
    allowedHosts: [],
    'auth.tokensFile': fileIn(usedStateDir, 'tokens.json'),
    node: nodeName(host.hostName),
    stateDir,
    runDir,
    'docker.host': 'unix:///var/run/docker.sock',
    'docker.network': '',
    'docker.registryConfig': `${host.homeDir}/.docker/config.json`,
    'images.pull': 'ifNotPresent',
    'images.pullTimeoutMs': 300_000,
    'images.noProgressTimeoutMs': 120_000,
    'images.allow': ['**'],
    'images.privateRegistries': [],
    'images.minFreeBytes': '1GiB',
    'images.gcHighPercent': 85,
    'images.gcLowPercent': 80,
    'images.gcMinAgeMs': 120_000,
    'tasks.readiness': 'mark',
    'tasks.readyMark': 'meca-init-done',
    'tasks.startTimeoutMs': 60_000,
    'tasks.requestTimeoutMs': 300_000,
    'tasks.queueTimeoutMs': 60_000,
    'tasks.maxRequestBytes': '1MiB',
    'tasks.maxResponseBytes': '16MiB',
    'tasks.concurrency': 'unlimited',
    'tasks.queueLimit': 1000,
    'tasks.diskBytes': '10GiB',
    'tasks.network': 'egress',
    'tasks.presets': {},
    'tasks.hostAccess': 'deny',
    'tasks.privateNetworks': 'allow',
    'executions.network': 'internal',
    'executions.profile': 'standard',
    'executions.presets': [],
    'executions.publishAddresses': ['127.0.0.1'],
    'executions.timeoutMs': 0,
    'executions.queueLimit': 1000,
    'executions.callerQueueLimit': 1000,
    'executions.queueTimeoutMs': 86_400_000,
    'executions.pullTimeoutMs': 1_800_000,
    'executions.diskBytes': '10GiB',
    'executions.retentionMs': 86_400_000,
    'executions.retentionBytes': 'unlimited',
    'executions.minFreeBytes': 'auto',
    'executions.inputBytes': '10GiB',
    'executions.inputFiles': 100_000,
    'executions.inputTotalBytes': '50GiB',
    'executions.inputPresets': {},
    'executions.drainTimeoutMs': 0,
    'invocations.concurrency': 16,
    'invocations.queueLimit': 1000,
    'invocations.callerQueueLimit': 1000,
    'invocations.queueTimeoutMs': 3_600_000,
    'invocations.maxRequestBytes': '16MiB',
    'invocations.maxResponseBytes': '64MiB',
    'invocations.retentionMs': 86_400_000,
    'invocations.retentionBytes': '4GiB',
    'webhooks.allow': [],
    'webhooks.privateAddresses': [],
    'webhooks.secretFile': fileIn(usedStateDir, 'webhook-secret'),
    'webhooks.timeoutMs': 10_000,
    'webhooks.giveUpAfterMs': 86_400_000,
    'isolation.gvisorRuntime': 'runsc',
    'isolation.runtimes': {},
    'isolation.allowKnownHoles': false,
    'resources.cpuOvercommit': 1,
    'resources.hostCheck': 'full',
    'tracing.endpoint': '',
    'tracing.sampleRatio': 1,
    'tracing.headersFile': '',
    'log.level': 'info',
    'log.access': false,
    mecaStrictCompat: false,
  }
}

function fileIn(folder: string, name: string): string {
  return `${folder.replace(/(?<!\/)\/+$/, '')}/${name}`
}

/** A host name made into an id. */
function nodeName(hostName: string): string {
  const name = hostName
    .toLowerCase()
    .replace(/[^a-z0-9-]/g, '-')
    .replace(/^-+/, '')
    .slice(0, 30)
    .replace(/(?<!-)-+$/, '')
  return name === '' ? 'node' : name
}

function defaultStateDir(host: ConfigHost): string {
  return host.isRoot ? '/var/lib/errand' : `${userStateDir(host)}/errand`
}

/** Without a session there is no XDG_RUNTIME_DIR; /tmp would let others take the path first. */
function defaultRunDir(host: ConfigHost): string {
  if (host.isRoot) return '/run/errand'
  const session = xdg(host, 'XDG_RUNTIME_DIR')
  return session === undefined ? `${userStateDir(host)}/errand/run` : `${session}/errand`
}

function userStateDir(host: ConfigHost): string {
  return xdg(host, 'XDG_STATE_HOME') ?? `${host.homeDir}/.local/state`
}

/** The XDG specification says to ignore relative paths. */
function xdg(host: ConfigHost, name: string): string | undefined {
  const path = host.environment[name]
  return path?.startsWith('/') ? path.replace(/(?<!\/)\/+$/, '') : undefined
}
