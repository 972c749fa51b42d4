import { closest } from 'fastest-levenshtein'
import { z } from 'zod'
import { isPreset, presetNames } from '../../core/presets.ts'
import { isNetwork } from '../../webhooks/address-guard.ts'
import { parseWebhookRule } from '../../webhooks/webhook-policy.ts'
import type { Config } from './config.ts'
import * as fields from './fields.ts'
import { isHostName, LISTENER_KEYS, listen } from './listen.ts'

type InputPresets = Config['executions']['inputPresets']

const RUNTIME_NAME = /^[A-Za-z0-9][\w.-]*$/
const NODE = 'an id: at most 30 of a-z, 0-9 and -, beginning with a letter or digit'
const NETWORK = 'the name of a network of the engine'
const HOST_NAME = 'a host name without a port'
const IMAGE_GLOB_PATTERN = /^[\w.:/@*-]{1,512}$/
const IMAGE_GLOB = 'a glob of images such as docker.io/library/*'
const RECEIVER = 'a host such as hooks.example.org, *.example.org:8443 or http://ci.lan'
const RATIO = 'a number from 0 to 1'
const REGISTRY = 'HOST or HOST:PORT'
const PRESET = `one of ${presetNames().join(', ')}`

/** One row per key of the file, by its dotted name. */
const schema = z.strictObject({
  type: fields.oneOf('docker'),
  timeout: fields.minutes,
  cpu: fields.cores,
  mem: fields.mebibytes,
  has_gpu: fields.flag,
  microVM_runtime: fields.optionalText('the name of an OCI runtime', RUNTIME_NAME),
  'sgx.enable': fields.flag,
  'sgx.sgx_device': fields.absolutePath,
  'sgx.aesmd_path': fields.absolutePath,
  listen,
  allowedHosts: z.array(
    z.string(fields.must(HOST_NAME)).refine(isHostName, fields.must(HOST_NAME)).toLowerCase(),
    fields.must('a list of host names'),
  ),
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
  'images.allow': fields.listOf('globs of images', IMAGE_GLOB, IMAGE_GLOB_PATTERN),
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
  'tasks.presets': taskPresets(),
  'tasks.hostAccess': fields.oneOf('deny', 'allow'),
  'tasks.privateNetworks': fields.oneOf('deny', 'allow'),
  'executions.network': fields.oneOf('internal', 'egress'),
  'executions.profile': fields.oneOf('standard', 'strict'),
  'executions.presets': z.array(
    z.string(fields.must(PRESET)).refine(isPreset, fields.must(PRESET)),
    fields.must('a list of presets'),
  ),
  'executions.publishAddresses': z.array(fields.ipAddress, fields.must('a list of IP addresses')),
  'executions.timeoutMs': fields.wholeNumber(0, 2 ** 31 - 1),
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
  'executions.inputPresets': inputPresets(),
  'executions.drainTimeoutMs': fields.wholeNumber(0, 2 ** 31 - 1),
  'invocations.concurrency': fields.wholeNumber(1, 10_000),
  'invocations.queueLimit': fields.wholeNumber(0, 100_000),
  'invocations.callerQueueLimit': fields.wholeNumber(0, 100_000),
  'invocations.queueTimeoutMs': fields.millis,
  'invocations.maxRequestBytes': fields.diskBytes,
  'invocations.maxResponseBytes': fields.diskBytes,
  'invocations.retentionMs': fields.millis,
  'invocations.retentionBytes': fields.diskBytesOr('unlimited'),
  'webhooks.allow': webhookRules(),
  'webhooks.privateAddresses': privateAddresses(),
  'webhooks.secretFile': fields.absolutePath,
  'webhooks.timeoutMs': fields.millis,
  'webhooks.giveUpAfterMs': fields.millis,
  'isolation.gvisorRuntime': fields.optionalText('the name of an OCI runtime', RUNTIME_NAME),
  'isolation.runtimes': runtimes(),
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

function webhookRules() {
  const error = fields.must(RECEIVER)
  const rule = z.string(error).transform((raw, context) => {
    const read = parseWebhookRule(raw)
    if (read !== undefined) return read
    context.addIssue({ code: 'custom', message: error.error({ input: raw }) })
    return z.NEVER
  })
  return z.array(rule, fields.must('a list of hosts'))
}

function privateAddresses() {
  const error = fields.must('an IP address, or a network such as 10.1.0.0/16')
  return z.array(z.string(error).refine(isNetwork, error), fields.must('a list of addresses'))
}

function runtimes() {
  const error = fields.must('a mapping of OCI runtimes to their settings, such as {kata: {allowUnenforced: true}}')
  const settings = z.strictObject({ allowUnenforced: fields.flag.optional() }, error).nullable()
  return z.record(fields.text('the name of an OCI runtime', RUNTIME_NAME), settings, error)
}

function inputPresets() {
  const error = fields.must('a mapping of names to folders and files, such as {data: {path: /srv/data}}')
  const preset = z.strictObject({ path: fields.absolutePath, readOnly: fields.flag.optional() }, error)
  return z.record(fields.text('a name such as data', /^[A-Za-z0-9][\w.-]{0,62}$/), preset, error)
}

function taskPresets() {
  const error = fields.must(`a mapping of globs of images to presets, such as {"docker.io/library/nginx": web-server}`)
  const glob = z.string(fields.must(IMAGE_GLOB)).regex(IMAGE_GLOB_PATTERN, fields.must(IMAGE_GLOB)).toLowerCase()
  return z.record(glob, z.string(fields.must(PRESET)).refine(isPreset, fields.must(PRESET)), error)
}

/** Every key, in the order of the documentation. */
export const CONFIG_KEYS: readonly string[] = Object.keys(schema.shape)

/** Everything above a key: `tasks` is one, `cpu` is not. */
const SECTIONS: ReadonlySet<string> = new Set(CONFIG_KEYS.flatMap((key) => key.split('.').slice(0, -1)))

/** Keys inside the value of a key, for naming the nearest one. */
const INNER_KEYS: Readonly<Record<string, readonly string[]>> = {
  listen: LISTENER_KEYS,
  'isolation.runtimes': ['allowUnenforced'],
  'executions.inputPresets': ['path', 'readOnly'],
}

export function isConfigKey(key: string): boolean {
  return Object.hasOwn(schema.shape, key)
}

export function isSection(key: string): boolean {
  return SECTIONS.has(key)
}

/** Why a key that is neither a key nor a section is refused. */
export function unknownKey(key: string): string {
  const section = [...SECTIONS].find((name) => key.startsWith(`${name}.`))
  const candidates = section === undefined ? [...CONFIG_KEYS, ...SECTIONS] : CONFIG_KEYS.filter(isIn(section))
  return `is not a known key; the nearest is ${closest(key, candidates)}`
}

function isIn(section: string): (key: string) => boolean {
  return (key) => key.startsWith(`${section}.`)
}

export interface ValueProblem {
  /** Below the key: list positions and inner keys. */
  readonly path: readonly (string | number)[]
  readonly message: string
}

/** What is wrong with a value as it was written; empty when nothing is. */
export function checkValue(key: string, value: unknown): ValueProblem[] {
  if (!isConfigKey(key)) return [{ path: [], message: unknownKey(key) }]
  const { error } = schema.shape[key as keyof typeof schema.shape].safeParse(value)
  const problems = (error?.issues ?? []).flatMap((issue) => describeIssue(key, issue))
  return problems.filter(({ path, message }, index) => {
    const same = (other: ValueProblem) => other.message === message && other.path.join('.') === path.join('.')
    return problems.findIndex(same) === index
  })
}

function describeIssue(key: string, issue: z.core.$ZodIssue): ValueProblem[] {
  const path = issue.path.map((step) => (typeof step === 'number' ? step : String(step)))
  if (issue.code === 'invalid_key') return issue.issues.map(({ message }) => ({ path, message }))
  if (issue.code !== 'unrecognized_keys') return [{ path, message: issue.message }]
  return issue.keys.map((unknown) => ({
    path: [...path, unknown],
    message: `is not a known key; the nearest is ${closest(unknown, INNER_KEYS[key] ?? [])}`,
  }))
}

/** Turns checked values, one for every key, into the configuration. */
export function toConfig(raw: Readonly<Record<string, unknown>>): Config {
  const values = schema.parse(raw)
  const readiness = values['tasks.readiness']
  return {
    grant: {
      cpuMillis: values.cpu,
      memoryBytes: values.mem,
      keepAliveMs: values.timeout,
      hasGpu: values.has_gpu,
      microVmRuntime: values.microVM_runtime,
    },
    sgx: {
      isEnabled: values['sgx.enable'],
      devicePath: values['sgx.sgx_device'],
      aesmdPath: values['sgx.aesmd_path'],
    },
    listeners: values.listen,
    allowedHosts: values.allowedHosts,
    auth: { tokensFile: values['auth.tokensFile'] },
    node: values.node,
    stateDir: values.stateDir,
    runDir: values.runDir,
    docker: {
      socketPath: values['docker.host'].slice('unix://'.length),
      network: values['docker.network'],
      registryConfig: values['docker.registryConfig'],
    },
    images: {
      pull: values['images.pull'],
      pullTimeoutMs: values['images.pullTimeoutMs'],
      noProgressTimeoutMs: values['images.noProgressTimeoutMs'],
      allow: values['images.allow'],
      privateRegistries: values['images.privateRegistries'],
      minFreeBytes: values['images.minFreeBytes'],
      gcHighPercent: values['images.gcHighPercent'],
      gcLowPercent: values['images.gcLowPercent'],
      gcMinAgeMs: values['images.gcMinAgeMs'],
    },
    tasks: {
      readiness: readiness.kind === 'mark' ? { kind: 'mark', mark: values['tasks.readyMark'] } : readiness,
      startTimeoutMs: values['tasks.startTimeoutMs'],
      requestTimeoutMs: values['tasks.requestTimeoutMs'],
      queueTimeoutMs: values['tasks.queueTimeoutMs'],
      maxRequestBytes: values['tasks.maxRequestBytes'],
      maxResponseBytes: values['tasks.maxResponseBytes'],
      concurrency: values['tasks.concurrency'],
      queueLimit: values['tasks.queueLimit'],
      diskBytes: values['tasks.diskBytes'],
      network: values['tasks.network'],
      presets: Object.entries(values['tasks.presets']).flatMap(([glob, preset]) =>
        isPreset(preset) ? [{ glob, preset }] : [],
      ),
      readyMark: values['tasks.readyMark'],
      hostAccess: values['tasks.hostAccess'],
      privateNetworks: values['tasks.privateNetworks'],
    },
    executions: {
      allowEgress: values['executions.network'] === 'egress',
      profile: values['executions.profile'],
      presets: values['executions.presets'].filter(isPreset),
      publishAddresses: values['executions.publishAddresses'],
      // 0: as long as they like.
      timeoutMs: values['executions.timeoutMs'] || undefined,
      queueLimit: values['executions.queueLimit'],
      callerQueueLimit: values['executions.callerQueueLimit'],
      queueTimeoutMs: values['executions.queueTimeoutMs'],
      pullTimeoutMs: values['executions.pullTimeoutMs'],
      diskBytes: values['executions.diskBytes'],
      retentionMs: values['executions.retentionMs'],
      retentionBytes: values['executions.retentionBytes'] ?? Infinity,
      minFreeBytes: values['executions.minFreeBytes'],
      inputPresets: presetsOf(values['executions.inputPresets']),
      inputBytes: values['executions.inputBytes'],
      inputFiles: values['executions.inputFiles'],
      inputTotalBytes: values['executions.inputTotalBytes'],
    },
    drainTimeoutMs: values['executions.drainTimeoutMs'],
    invocations: {
      concurrency: values['invocations.concurrency'],
      queueLimit: values['invocations.queueLimit'],
      callerQueueLimit: values['invocations.callerQueueLimit'],
      queueTimeoutMs: values['invocations.queueTimeoutMs'],
      maxRequestBytes: values['invocations.maxRequestBytes'],
      maxResponseBytes: values['invocations.maxResponseBytes'],
      retentionMs: values['invocations.retentionMs'],
      retentionBytes: values['invocations.retentionBytes'] ?? Infinity,
    },
    webhooks: {
      allow: values['webhooks.allow'],
      privateAddresses: values['webhooks.privateAddresses'],
      secretFile: values['webhooks.secretFile'],
      timeoutMs: values['webhooks.timeoutMs'],
      giveUpAfterMs: values['webhooks.giveUpAfterMs'],
    },
    isolation: {
      gvisorRuntime: values['isolation.gvisorRuntime'],
      allowUnenforced: unenforced(values['isolation.runtimes']),
      allowKnownHoles: values['isolation.allowKnownHoles'],
    },
    resources: {
      cpuOvercommit: values['resources.cpuOvercommit'],
      hostCheck: values['resources.hostCheck'],
    },
    tracing: tracing(values),
    log: { level: values['log.level'], hasAccessLog: values['log.access'] },
    isMecaStrict: values.mecaStrictCompat,
  }
}

function tracing(values: z.infer<typeof schema>): Config['tracing'] {
  const { 'tracing.endpoint': url, 'tracing.sampleRatio': sampleRatio, 'tracing.headersFile': headersFile } = values
  return url === undefined ? undefined : { url, sampleRatio, headersFile }
}

function unenforced(policies: Readonly<Record<string, { allowUnenforced?: boolean | undefined } | null>>): Set<string> {
  const names = Object.entries(policies).filter(([, policy]) => policy?.allowUnenforced === true)
  return new Set(names.map(([name]) => name))
}

function presetsOf(presets: Readonly<Record<string, { path: string; readOnly?: boolean | undefined }>>): InputPresets {
  return new Map(
    Object.entries(presets).map(([name, { path, readOnly = true }]) => [name, { path, isReadOnly: readOnly }]),
  )
}
