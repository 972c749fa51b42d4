import { createHash } from 'node:crypto'
import { ErrandError } from '../../core/errors.ts'
import type { ExecutionRequest, ExecutionResources, PresetInput, UploadInput } from '../../core/execution-request.ts'
import type { GpuRequest } from '../../core/gpu.ts'
import type { IdempotencyKey } from '../../journal/journal.ts'
import { canonicalJson } from '../../util/canonical-json.ts'
import type { ExecutionBody, InputBody } from '../contract/execution-body.ts'
import type { GpuBody, ResourcesBody } from '../contract/fields.ts'
import type { PortBody, SurroundingsBody, TaskBody } from '../contract/task-body.ts'
import type { JsonObject } from '../json-body.ts'

/** What runs a `task`. */
const TASK_ENGINE = 'docker'
/** Visible ASCII, as the draft for this header has it. */
const KEY = /^[!-~]{1,255}$/

/** What a body asks for, in the words of the service. Never who asks: that is not the body's to say. */
export function toExecutionRequest(body: ExecutionBody): ExecutionRequest {
  const { id, job, task, engineSpec, inputs, ...rest } = body
  const spec = engineSpec ?? { type: TASK_ENGINE, params: toParams(task), ...task }
  return {
    ...(id !== undefined && { executionId: id }),
    ...(job !== undefined && { jobId: job }),
    engineSpec: { type: spec.type, params: spec.params },
    ...toSurroundings(spec),
    ...(inputs !== undefined && { inputs: inputs.map(toInput) }),
    ...rest,
  }
}

/** Paths of this host are no caller's to name. */
function toInput(input: InputBody): PresetInput | UploadInput {
  return 'preset' in input ? { type: 'preset', ...input } : { type: 'upload', ...input }
}

function toParams(task: TaskBody | undefined): Record<string, unknown> {
  const { image, entrypoint, cmd, env, workingDir, user } = task ?? { image: '' }
  return {
    image,
    ...(entrypoint !== undefined && { entrypoint }),
    ...(cmd !== undefined && { cmd }),
    ...(env !== undefined && { environment: Object.entries(env).map(([name, value]) => `${name}=${value}`) }),
    ...(workingDir !== undefined && { working_directory: workingDir }),
    ...(user !== undefined && { user }),
  }
}

function toSurroundings(spec: SurroundingsBody): Partial<ExecutionRequest> {
  const { resources, isolation, sgx, network, ports, profile, preset, provision, stopSignal } = spec
  return {
    ...(resources !== undefined && { resources: toResources(resources) }),
    ...(isolation !== undefined && { isolation }),
    ...(sgx !== undefined && { sgx }),
    ...(network !== undefined && { network }),
    ...(ports !== undefined && { portsToBind: ports.map(toPort) }),
    ...(profile !== undefined && { profile }),
    ...(preset !== undefined && { preset }),
    ...(provision !== undefined && { provisionScripts: provision }),
    // The service knows which names are signals.
    ...(stopSignal !== undefined && { stopSignal: stopSignal as NodeJS.Signals }),
  }
}

export function toResources({ cpu, memory, disk, pids, gpus }: ResourcesBody): ExecutionResources {
  return {
    ...(cpu !== undefined && { cpu }),
    ...(memory !== undefined && { memoryBytes: memory }),
    ...(disk !== undefined && { diskBytes: disk }),
    ...(pids !== undefined && { pids }),
    ...(gpus !== undefined && { gpus: gpus.map(toGpu) }),
  }
}

function toGpu({ minMemory, ...rest }: GpuBody): GpuRequest {
  return { ...rest, ...(minMemory !== undefined && { minMemoryBytes: minMemory }) }
}

function toPort({ port, protocol, hostIp, hostPort }: PortBody): NonNullable<ExecutionRequest['portsToBind']>[number] {
  return {
    executorPort: port,
    ...(protocol !== undefined && { protocol }),
    ...(hostIp !== undefined && { ip: hostIp }),
    ...(hostPort !== undefined && { hostPort }),
  }
}

/** Of the header `Idempotency-Key` and a body as it came; the order of its keys means nothing. @throws validation_failed */
export function idempotencyKey(header: string | string[] | undefined, body: JsonObject): IdempotencyKey | undefined {
  const key = checkedKey(header)
  if (key === undefined) return undefined
  return { key, digest: createHash('sha256').update(canonicalJson(body)).digest('hex') }
}

/** Of the header `Idempotency-Key`. @throws validation_failed */
export function checkedKey(header: string | string[] | undefined): string | undefined {
  if (header === undefined || (typeof header === 'string' && KEY.test(header))) return header
  throw new ErrandError('validation_failed', 'Idempotency-Key: must be 1 to 255 visible ASCII characters')
}
