import { basename } from 'node:path'
import type {
  ExecutionRequest,
  ExecutionResources,
  OutputRequest,
  PortRequest,
  TaskParams,
} from '../../core/execution-request.ts'
import { countGpus } from '../../core/gpu.ts'
import type { IdSource } from '../../core/ids.ts'
import { PRESETS } from '../../core/presets.ts'
import { decodeScript, encodeScript } from '../../core/provision-script.ts'
import { invalidField, readValue } from '../../core/read-value.ts'
import { DEFAULT_RESOURCES, LEAST_MEMORY_BYTES, MIB, parseCores, type Resources } from '../../core/resources.ts'
import type { PortBinding, ProcessSpec } from '../../engine/engine.ts'
import { checkOutputs } from '../../files/results-folder.ts'
import type { ExecutionDefaults, ExecutionPlan } from './execution-plan.ts'
import { executionRequest, taskParams } from './request-schema.ts'

const GRACE_MS = 10_000
/** Kept of what it prints, when it does not say. */
export const LOG_BYTES: number = 2 * MIB
const OUTPUT_BYTES = 1024 * MIB
const OUTPUT_FILES = 10_000

/** What an executor without a caller of its own works for. */
export const LOCAL_CALLER = 'local'

/**
 * Reads a request. Fields that are `null` count as absent.
 * @throws validation_failed with `details.problems`, one for each field that is wrong
 */
export function planExecution(asked: ExecutionRequest, defaults: ExecutionDefaults, newId: IdSource): ExecutionPlan {
  const request = storable(readValue(executionRequest, withoutNulls(asked)))
  const task = readValue(taskParams, request.engineSpec.params, { at: ['engineSpec', 'params'] })
  const executionId = request.executionId ?? newId()
  const { limits = {} } = request
  return {
    executionId,
    jobId: request.jobId ?? executionId,
    callerId: request.callerId ?? LOCAL_CALLER,
    request,
    engineType: request.engineSpec.type,
    image: task.image,
    process: processOf(task),
    ...planResources(request.resources ?? {}, defaults),
    isolation: request.isolation ?? 'container',
    sgx: request.sgx ?? false,
    ...planProfile(request, defaults),
    ...planNetwork(request),
    inputs: request.inputs ?? [],
    outputs: planOutputs(request.outputs ?? []),
    resultsDir: request.resultsDir,
    provisionScripts: (request.provisionScripts ?? []).map(decodeScript),
    priority: request.priority ?? 0,
    queueTimeoutMs: request.queueTimeoutMs ?? defaults.queueTimeoutMs,
    pullTimeoutMs: request.pullTimeoutMs ?? defaults.pullTimeoutMs,
    timeoutMs: request.timeoutMs ?? defaults.timeoutMs,
    graceMs: request.graceMs ?? GRACE_MS,
    stopSignal: request.stopSignal ?? 'SIGTERM',
    logBytes: limits.logBytes ?? LOG_BYTES,
    outputBytes: limits.outputBytes ?? OUTPUT_BYTES,
    outputFiles: limits.outputFiles ?? OUTPUT_FILES,
    isIdempotent: request.idempotent ?? false,
    retentionMs: request.retentionMs ?? defaults.retentionMs,
    persistLogsMs: request.persistLogsMs,
  }
}

/** Callers in other languages send `null` for what they leave out. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls)
  const isPlain = typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype
  if (!isPlain) return value
  const present = Object.entries(value).filter(([, part]) => part !== null && part !== undefined)
  return Object.fromEntries(present.map(([key, part]) => [key, withoutNulls(part)]))
}

function processOf(task: TaskParams): ProcessSpec {
  const { entrypoint = [], cmd = [], environment = [], working_directory, user } = task
  return {
    // Empty means the image's own, as where it is absent.
    ...(entrypoint.length > 0 && { entrypoint }),
    ...(cmd.length > 0 && { cmd }),
    environment: Object.fromEntries(environment.map(splitVariable)),
    ...(working_directory !== undefined && { workingDir: working_directory }),
    ...(user !== undefined && { user }),
  }
}

/** As JSON can carry it: a journal keeps it. */
function storable(request: ExecutionRequest): ExecutionRequest {
  if (request.provisionScripts === undefined) return request
  return { ...request, provisionScripts: request.provisionScripts.map(encodeScript) }
}

function splitVariable(variable: string): [string, string] {
  const at = variable.indexOf('=')
  return [variable.slice(0, at), variable.slice(at + 1)]
}

function planProfile(
  { profile = 'standard', preset: name }: ExecutionRequest,
  defaults: ExecutionDefaults,
): Pick<ExecutionPlan, 'profile' | 'preset'> {
  const asked = defaults.profile === 'strict' ? 'strict' : profile
  if (name === undefined) return { profile: asked, preset: undefined }
  const granted = defaults.presets.find((each) => each === name)
  if (granted === undefined) {
    throw invalidField('preset', `${JSON.stringify(name)} is not granted here`, { granted: defaults.presets })
  }
  const preset = PRESETS[granted]
  return { profile: preset.profile ?? asked, preset }
}

type PlannedResources = Pick<ExecutionPlan, 'resources' | 'gpus' | 'pidsLimit' | 'diskBytes'>

function planResources(asked: ExecutionResources, defaults: ExecutionDefaults): PlannedResources {
  const { cpu = 0, memoryBytes = 0, diskBytes = 0, pids = 0, gpus = [] } = asked
  const resources: Resources = {
    cpuMillis: cpu === 0 ? DEFAULT_RESOURCES.cpuMillis : parseCores(cpu),
    memoryBytes: memoryBytes === 0 ? DEFAULT_RESOURCES.memoryBytes : memoryBytes,
    gpus: countGpus(gpus),
  }
  if (resources.memoryBytes < LEAST_MEMORY_BYTES) {
    throw invalidField('resources.memoryBytes', `must be at least ${LEAST_MEMORY_BYTES}`, { memoryBytes })
  }
  return {
    resources,
    gpus,
    pidsLimit: pids === 0 ? undefined : pids,
    diskBytes: diskBytes === 0 ? defaults.diskBytes : diskBytes,
  }
}

function planNetwork(request: ExecutionRequest): Pick<ExecutionPlan, 'network' | 'ports' | 'dnsServers'> {
  const { network = 'none', portsToBind = [], gatewayIp } = request
  if (network === 'none' && portsToBind.length > 0)
    throw invalidField('portsToBind', 'needs network internal or egress')
  if (network === 'none' && gatewayIp !== undefined) throw invalidField('gatewayIp', 'needs network internal or egress')
  return { network, ports: portsToBind.map(toBinding), dnsServers: gatewayIp === undefined ? [] : [gatewayIp] }
}

function toBinding({ executorPort, hostPort = 0, ip = '127.0.0.1', protocol = 'tcp' }: PortRequest): PortBinding {
  return { protocol, hostIp: ip, hostPort, port: executorPort }
}

function planOutputs(asked: readonly OutputRequest[]): ExecutionPlan['outputs'] {
  const outputs = asked.map(({ path, name = basename(path) }) => ({ path, name }))
  checkOutputs(outputs, ['stdout.log', 'stderr.log'])
  return outputs
}
