import { z } from 'zod'
import { LONGEST_DELAY_MS } from '../../util/quantity.ts'
import * as compound from './compound-fields.ts'
import type { Config } from './config.ts'
import * as fields from './fields.ts'
import { listen } from './listen.ts'

const NODE = 'an id: at most 30 of a-z, 0-9 and -, beginning with a letter or digit'
const NETWORK = 'the name of a network of the engine'
const RATIO = 'a number from 0 to 1'
const REGISTRY = 'HOST or HOST:PORT'

/** One row per key of the file, by its dotted name. */
const schema = z.strictObject({
  type: fields.oneOf('docker'),
  timeout: fields.minutes,
  cpu: fields.cores,
  mem: fields.mebibytes,
  has_gpu: fields.flag,
  microVM_runtime: compound.optionalRuntime,
  'sgx.enable': fields.flag,
  'sgx.sgx_device': fields.absolutePath,
  'sgx.aesmd_path': fields.absolutePath,
  listen,
  allowedHosts: compound.hostNames,
  'auth.tokensFile': fields.absolutePath,
  node: fields.text(NODE, /^[a-z0-9][a-z0-9-]{0,29}$/),
  stateDir: fields.absolutePath,
  runDir: fields.socketFolder,
  'docker.host': fields.text('unix:///PATH', /^unix:\/\/\/.+$/),
  'docker.network': fields.optionalText(NETWORK, /^[A-Za-z0-9][\w.-]*$/),
  'docker.registryConfig': fields.absolutePath,
  'images.pull': fields.oneOf('ifNotPresent', 'never'),
  'images.pullTimeoutMs': fields.millis,
  'images.noProgressTimeoutMs': fields.millis,
  'images.allow': fields.listOf('globs of images', compound.IMAGE_GLOB, compound.IMAGE_GLOB_PATTERN),
  'images.privateRegistries': fields.listOf('registries', REGISTRY, /^[A-Za-z0-9.-]+(:[0-9]{1,5})?$/),
  'images.minFreeBytes': fields.diskBytes,
  'images.gcHighPercent': fields.wholeNumber(1, 100),
  'images.gcLowPercent': fields.wholeNumber(0, 100),
  'images.gcMinAgeMs': fields.millis,
  'tasks.readiness': fields.readiness,
  'tasks.readyMark': fields.text('one line of 1 to 200 characters', /^[^\r\n]{1,200}$/),
  'tasks.startTimeoutMs': fields.millis,
  'tasks.requestTimeoutMs': fields.millis,
  'tasks.queueTimeoutMs': fields.millis,
  'tasks.maxRequestBytes': fields.bodyBytes,
  'tasks.maxResponseBytes': fields.bodyBytes,
  'tasks.concurrency': fields.concurrency,
  'tasks.queueLimit': fields.wholeNumber(0, 1_000_000),
  'tasks.diskBytes': fields.diskLimit,
  'tasks.network': fields.oneOf('egress', 'internal'),
  'tasks.presets': compound.taskPresets,
  'tasks.hostAccess': fields.oneOf('deny', 'allow'),
  'tasks.privateNetworks': fields.oneOf('deny', 'allow'),
  'executions.network': fields.oneOf('internal', 'egress'),
  'executions.profile': fields.oneOf('standard', 'strict'),
  'executions.presets': compound.presets,
  'executions.publishAddresses': z.array(fields.ipAddress, fields.must('a list of IP addresses')),
  'executions.timeoutMs': fields.wholeNumber(0, LONGEST_DELAY_MS),
  'executions.queueLimit': fields.wholeNumber(0, 1_000_000),
  'executions.callerQueueLimit': fields.wholeNumber(0, 1_000_000),
  'executions.queueTimeoutMs': fields.millis,
  'executions.pullTimeoutMs': fields.millis,
  'executions.diskBytes': fields.diskBytes,
  'executions.retentionMs': fields.millis,
  'executions.retentionBytes': fields.diskBytesOr('unlimited'),
  'executions.minFreeBytes': fields.diskBytesOr('auto'),
  'executions.inputBytes': fields.diskBytes,
  'executions.inputFiles': fields.wholeNumber(0, 10_000_000),
  'executions.inputTotalBytes': fields.diskBytes,
  'executions.inputPresets': compound.inputPresets,
  'executions.drainTimeoutMs': fields.wholeNumber(0, LONGEST_DELAY_MS),
  'invocations.concurrency': fields.wholeNumber(1, 10_000),
  'invocations.queueLimit': fields.wholeNumber(0, 100_000),
  'invocations.callerQueueLimit': fields.wholeNumber(0, 100_000),
  'invocations.queueTimeoutMs': fields.millis,
  'invocations.maxRequestBytes': fields.diskBytes,
  'invocations.maxResponseBytes': fields.diskBytes,
  'invocations.retentionMs': fields.millis,
  'invocations.retentionBytes': fields.diskBytesOr('unlimited'),
  'webhooks.allow': compound.webhookRules,
  'webhooks.privateAddresses': compound.addresses,
  'webhooks.secretFile': fields.absolutePath,
  'webhooks.timeoutMs': fields.millis,
  'webhooks.giveUpAfterMs': fields.millis,
  'isolation.gvisorRuntime': compound.optionalRuntime,
  'isolation.runtimes': compound.unenforcedRuntimes,
  'isolation.allowKnownHoles': fields.flag,
  'resources.cpuOvercommit': z.number(fields.must('a number from 1 to 100')).min(1).max(100),
  'resources.hostCheck': fields.oneOf('full', 'memory', 'none'),
  'tracing.endpoint': fields.collectorUrl,
  'tracing.sampleRatio': z.number(fields.must(RATIO)).min(0, fields.must(RATIO)).max(1, fields.must(RATIO)),
  'tracing.headersFile': fields.optionalText('an absolute path', /^\/[^\0]*$/),
  'log.level': fields.oneOf('debug', 'info', 'warn', 'error'),
  'log.access': fields.flag,
  mecaStrictCompat: fields.flag,
})

/** What each key takes, in the order of the documentation. */
export const CONFIG_FIELDS: Readonly<Record<string, z.ZodType>> = schema.shape

export const CONFIG_KEYS: readonly string[] = Object.keys(CONFIG_FIELDS)

type Values = z.infer<typeof schema>

/** The keys of one section, without its name. */
type Section<Name extends string> = {
  [Key in keyof Values as Key extends `${Name}.${infer Inner}` ? Inner : never]: Values[Key]
}

function section<Name extends string>(values: Values, name: Name): Section<Name> {
  const inside = Object.entries(values).filter(([key]) => key.startsWith(`${name}.`))
  return Object.fromEntries(inside.map(([key, value]) => [key.slice(name.length + 1), value])) as Section<Name>
}

/** Turns checked values, one for every key, into the configuration. */
export function toConfig(raw: Readonly<Record<string, unknown>>): Config {
  const values = schema.parse(raw)
  const { enable, sgx_device, aesmd_path } = section(values, 'sgx')
  const { host, network, registryConfig } = section(values, 'docker')
  const { runtimes: allowUnenforced, ...isolation } = section(values, 'isolation')
  const { level, access } = section(values, 'log')
  return {
    grant: grantOf(values),
    sgx: { isEnabled: enable, devicePath: sgx_device, aesmdPath: aesmd_path },
    listeners: values.listen,
    allowedHosts: values.allowedHosts,
    auth: section(values, 'auth'),
    node: values.node,
    stateDir: values.stateDir,
    runDir: values.runDir,
    docker: { socketPath: host.slice('unix://'.length), network, registryConfig },
    images: section(values, 'images'),
    tasks: tasksOf(section(values, 'tasks')),
    executions: executionsOf(section(values, 'executions')),
    drainTimeoutMs: values['executions.drainTimeoutMs'],
    invocations: invocationsOf(section(values, 'invocations')),
    webhooks: section(values, 'webhooks'),
    isolation: { ...isolation, allowUnenforced },
    resources: section(values, 'resources'),
    tracing: tracingOf(section(values, 'tracing')),
    log: { level, hasAccessLog: access },
    isMecaStrict: values.mecaStrictCompat,
  }
}

function grantOf({ cpu, mem, timeout, has_gpu, microVM_runtime }: Values): Config['grant'] {
  return { cpuMillis: cpu, memoryBytes: mem, keepAliveMs: timeout, hasGpu: has_gpu, microVmRuntime: microVM_runtime }
}

function tasksOf({ readiness, ...tasks }: Section<'tasks'>): Config['tasks'] {
  const isMark = readiness.kind === 'mark'
  return { ...tasks, readiness: isMark ? { kind: 'mark', mark: tasks.readyMark } : readiness }
}

function executionsOf(given: Section<'executions'>): Config['executions'] {
  const { network, drainTimeoutMs: _ofTheDaemon, timeoutMs, retentionBytes = Infinity, ...executions } = given
  // 0: as long as they like.
  return { ...executions, allowEgress: network === 'egress', timeoutMs: timeoutMs || undefined, retentionBytes }
}

function invocationsOf({ retentionBytes = Infinity, ...invocations }: Section<'invocations'>): Config['invocations'] {
  return { ...invocations, retentionBytes }
}

function tracingOf({ endpoint: url, ...tracing }: Section<'tracing'>): Config['tracing'] {
  return url === undefined ? undefined : { url, ...tracing }
}
