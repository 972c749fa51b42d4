import { createHash } from 'node:crypto'
import type { ExecutionResources } from '../../core/execution-request.ts'
import { countGpus } from '../../core/gpu.ts'
import { parseImageReference } from '../../core/image-reference.ts'
import { isPreset } from '../../core/presets.ts'
import { decodeScript } from '../../core/provision-script.ts'
import { invalidField } from '../../core/read-value.ts'
import { DEFAULT_RESOURCES, LEAST_MEMORY_BYTES, parseCores, type Resources } from '../../core/resources.ts'
import type { Readiness, Task, TaskDefinition, TaskProcess } from '../../core/task.ts'
import { checkProvision } from '../../files/provision.ts'
import { canonicalJson } from '../../util/canonical-json.ts'
import type { TaskRequest } from './task-request.ts'

/**
 * The task that a definition means.
 * @param mark what a server prints once it is ready, where it is to print something
 * @throws validation_failed
 */
export function toTask(name: string, request: TaskRequest, mark: string): Task {
  parseImageReference(request.image)
  return {
    image: request.image,
    isolation: request.isolation ?? 'container',
    resources: resourcesOf(request.resources ?? {}),
    sgx: request.sgx ?? false,
    definition: definitionOf(name, request, mark),
  }
}

export function digestOf(request: TaskRequest): string {
  return createHash('sha256').update(canonicalJson(request)).digest('hex')
}

function definitionOf(name: string, request: TaskRequest, mark: string): TaskDefinition {
  const { profile, network, port, preset, keepAliveMs, startTimeoutMs, requestTimeoutMs, resources = {} } = request
  const concurrency = request.concurrency === 'unlimited' ? Number.POSITIVE_INFINITY : request.concurrency
  const { pids = 0, diskBytes = 0 } = resources
  const { provisionScripts: scripts = [] } = request
  checkProvision(scripts)
  if (preset !== undefined && !isPreset(preset)) {
    throw invalidField('preset', `there is none called ${JSON.stringify(preset)}`)
  }
  if (network === 'none' && port !== undefined) {
    throw invalidField('port', 'needs a network: without one the task serves on the socket that ERRAND_SOCKET names')
  }
  return {
    name,
    digest: digestOf(request),
    process: processOf(request),
    readiness: readinessOf(request.readiness, mark),
    ...(profile !== undefined && { profile }),
    ...(preset !== undefined && { preset }),
    ...(network !== undefined && { network }),
    ...(port !== undefined && { port }),
    ...(concurrency !== undefined && { concurrency }),
    ...(keepAliveMs !== undefined && { keepAliveMs }),
    ...(startTimeoutMs !== undefined && { startTimeoutMs }),
    ...(requestTimeoutMs !== undefined && { requestTimeoutMs }),
    ...(pids > 0 && { pidsLimit: pids }),
    ...(diskBytes > 0 && { diskBytes }),
    ...(scripts.length > 0 && { provisionScripts: scripts.map(decodeScript) }),
  }
}

function processOf({ entrypoint = [], cmd = [], env = {}, workingDir, user }: TaskRequest): TaskProcess {
  return {
    // Empty means the image's own, as where it is absent.
    ...(entrypoint.length > 0 && { entrypoint }),
    ...(cmd.length > 0 && { cmd }),
    ...(Object.keys(env).length > 0 && { environment: env }),
    ...(workingDir !== undefined && { workingDir }),
    ...(user !== undefined && { user }),
  }
}

function resourcesOf({ cpu = 0, memoryBytes = 0, gpus = [] }: ExecutionResources): Resources {
  if (memoryBytes !== 0 && memoryBytes < LEAST_MEMORY_BYTES) {
    throw invalidField('resources.memory', `must be at least ${LEAST_MEMORY_BYTES} bytes`)
  }
  return {
    cpuMillis: cpu === 0 ? DEFAULT_RESOURCES.cpuMillis : parseCores(cpu),
    memoryBytes: memoryBytes === 0 ? DEFAULT_RESOURCES.memoryBytes : memoryBytes,
    gpus: countGpus(gpus),
  }
}

/** A server may listen before it can serve; most that are not made for this node print nothing of the kind. */
function readinessOf(readiness = 'connect', mark: string): Readiness {
  if (readiness === 'mark') return { kind: 'mark', mark }
  if (readiness === 'connect') return { kind: 'connect' }
  return { kind: 'http', path: readiness.slice('http:'.length) }
}
