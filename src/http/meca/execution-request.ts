import { ErrandError } from '../../core/errors.ts'
import { DEFAULT_RESOURCES, parseCores, parseMebibytes, type Resources } from '../../core/resources.ts'
import type { Isolation, Task } from '../../core/task.ts'
import type { Invocation } from '../../service/node-api.ts'
import { type JsonObject, parseJsonObject } from '../json-body.ts'
import {
  MalformedRequest,
  type OnUnknownKey,
  optionalFlag,
  optionalNumber,
  optionalObject,
  optionalText,
  reportUnknownKeys,
  requiredText,
} from './fields.ts'

const KEYS: ReadonlySet<string> = new Set(['id', 'resource', 'runtime', 'input', 'use_sgx'])
const RESOURCE_KEYS: ReadonlySet<string> = new Set(['cpu', 'mem', 'memory', 'use_gpu', 'gpu_count'])

/** The input by which a caller asks an SGX task for remote attestation instead of a run. */
const ATTESTATION_INPUT = 'SGXRAREQUEST'

/**
 * Reads the body of `POST /`. By hand, not by schema: this runs for every warm request.
 * @throws MalformedRequest when it is not JSON, or a field is missing or of a wrong type; validation_failed for values
 * that no task can have
 */
export function parseExecutionRequest(body: Buffer, onUnknownKey: OnUnknownKey): Omit<Invocation, 'caller'> {
  const fields = parseJsonObject(body)
  if (fields === undefined) throw new MalformedRequest()
  reportUnknownKeys(fields, KEYS, onUnknownKey)

  const image = requiredText(fields.id)
  const input = requiredText(fields.input)
  const runtime = optionalText(fields.runtime)
  const resource = readResource(optionalObject(fields.resource), onUnknownKey)
  const sgx = optionalFlag(fields.use_sgx)
  const task = { image, isolation: toIsolation(runtime), resources: toResources(resource), sgx }
  return sgx ? sgxInvocation(task, input) : { task, method: 'POST', path: '/', body: input }
}

function sgxInvocation(task: Task, input: string): Omit<Invocation, 'caller'> {
  if (input === ATTESTATION_INPUT) return { task, method: 'GET', path: '/ra', body: '' }
  return { task, method: 'POST', path: '/run', body: input }
}

/** Cores, MB and whole devices; zero means "not said". */
interface ResourceFields {
  readonly cpu: number
  readonly mem: number
  readonly gpus: number
}

/** Types first: a wrong type anywhere is a malformed body, whatever the values beside it. */
function readResource(fields: JsonObject | undefined, onUnknownKey: OnUnknownKey): ResourceFields | undefined {
  if (fields === undefined) return undefined
  reportUnknownKeys(fields, RESOURCE_KEYS, onUnknownKey)
  const cpu = optionalNumber(fields.cpu) ?? 0
  const mem = optionalNumber(fields.mem) ?? 0
  const memory = optionalNumber(fields.memory) ?? 0
  const wantsGpu = optionalFlag(fields.use_gpu)
  const count = optionalNumber(fields.gpu_count) ?? 0
  return { cpu, mem: mem === 0 ? memory : mem, gpus: wantsGpu && count === 0 ? 1 : count }
}

function toResources(fields: ResourceFields | undefined): Resources {
  if (fields === undefined) return DEFAULT_RESOURCES
  const { cpu, mem, gpus } = fields
  if (!Number.isSafeInteger(gpus) || gpus < 0) {
    throw new ErrandError('validation_failed', `gpu_count must be a whole number; it is ${gpus}`, {
      details: { gpu_count: gpus },
    })
  }
  return {
    cpuMillis: cpu === 0 ? DEFAULT_RESOURCES.cpuMillis : parseCores(cpu),
    memoryBytes: mem === 0 ? DEFAULT_RESOURCES.memoryBytes : parseMebibytes(mem),
    gpus: gpus === 0 ? 0 : gpus,
  }
}

function toIsolation(runtime: string | undefined): Isolation {
  switch (runtime) {
    case undefined:
    case '':
    case 'container':
      return 'container'
    case 'microVM':
      return 'microvm'
    default:
      throw new ErrandError('validation_failed', 'runtime must be "container" or "microVM"')
  }
}
