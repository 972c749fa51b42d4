import { isIP } from 'node:net'
import { z } from 'zod'
import { TERMINAL_STATUSES } from '../../core/execution.ts'
import type { ExecutionRequest, ExecutionResources, TaskParams } from '../../core/execution-request.ts'
import { GPU_VENDORS, type GpuRequest } from '../../core/gpu.ts'
import type { ProvisionScript } from '../../core/provision-script.ts'
import { id, MOST_ITEMS, milliseconds, port, user } from '../../core/request-fields.ts'
import { isCores } from '../../core/resources.ts'
import { isSignalName } from '../../core/signal-number.ts'
import { ISOLATIONS, type Isolation, MOST_PORTS } from '../../core/task.ts'

// Strict: a key that is not known is refused. Whoever hands in more than this asks for what there is no way to give.

const MOST_BYTES = 2 ** 40
const MOST_TEXT = 128 * 1024

const bytes = z.int().min(0).max(MOST_BYTES)
export const isolation: z.ZodType<Isolation> = z.enum(ISOLATIONS)
export const word: z.ZodType<string> = z
  .string()
  .max(MOST_TEXT)
  .refine((text) => !text.includes('\0'), 'must not hold a NUL')
const ip = z.string().refine((text) => isIP(text) !== 0, 'must be an IP address')

/** The kernel refuses more than this for all words together. */
export const words: z.ZodType<string[]> = z.array(word).max(MOST_ITEMS)

export const path: z.ZodType<string> = z
  .string()
  .max(4096)
  .refine((text) => text.startsWith('/') && !/[\0\n]/.test(text), 'must be an absolute path')

const label = z
  .string()
  .regex(/^[a-zA-Z0-9][a-zA-Z0-9._/-]{0,62}$/)
  .refine((key) => !/^(?:dev\.errand|com\.docker)(?:\.|$)/.test(key), 'belongs to a reserved prefix')

export const taskParams: z.ZodType<TaskParams> = z.strictObject({
  image: z.string().min(1),
  entrypoint: words.exactOptional(),
  cmd: words.exactOptional(),
  environment: z
    .array(word.refine((text) => /^[A-Za-z_][A-Za-z0-9_.-]*=/.test(text), 'must be KEY=VALUE'))
    .max(MOST_ITEMS)
    .exactOptional(),
  working_directory: path.exactOptional(),
  user: user.exactOptional(),
})

const gpu: z.ZodType<GpuRequest> = z
  .strictObject({
    count: z.int().min(1).max(64).exactOptional(),
    vendor: z.enum(GPU_VENDORS).exactOptional(),
    model: z
      .string()
      .regex(/^[ -~]{1,128}$/)
      .exactOptional(),
    minMemoryBytes: bytes.exactOptional(),
    uuid: z
      .string()
      .regex(/^[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}$/)
      .exactOptional(),
  })
  .refine(({ uuid, count = 1 }) => uuid === undefined || count === 1, {
    path: ['count'],
    error: 'must be 1 with a uuid',
  })

function areDifferent(gpus: readonly GpuRequest[]): boolean {
  const uuids = gpus.flatMap(({ uuid }) => uuid ?? [])
  return new Set(uuids).size === uuids.length
}

export const resources: z.ZodType<ExecutionResources> = z.strictObject({
  cpu: z
    .number()
    .min(0)
    // Zero is absent.
    .refine((cores) => cores === 0 || isCores(cores), 'must be at least 0.1, in steps of 0.1')
    .exactOptional(),
  memoryBytes: bytes.exactOptional(),
  diskBytes: bytes.exactOptional(),
  pids: z.int().min(0).max(32_768).exactOptional(),
  gpus: z.array(gpu).max(64).refine(areDifferent, 'asks twice for one uuid').exactOptional(),
})

export const script: z.ZodType<ProvisionScript> = z.strictObject({
  name: z.string().regex(/^[a-zA-Z0-9][a-zA-Z0-9._-]{0,62}$/),
  content: z.union([z.string(), z.instanceof(Uint8Array)]),
  encoding: z.enum(['utf8', 'base64']).exactOptional(),
  args: words.exactOptional(),
})

const name = z.string().regex(/^[a-zA-Z0-9][a-zA-Z0-9._-]{0,126}$/)
const mounted = { target: path, readOnly: z.boolean().exactOptional() }
const output = z.strictObject({ path, name: name.exactOptional() })

export const executionRequest: z.ZodType<ExecutionRequest> = z.strictObject({
  executionId: id.exactOptional(),
  jobId: id.exactOptional(),
  callerId: z.string().min(1).max(128).exactOptional(),
  engineSpec: z.strictObject({ type: z.string().min(1).max(64), params: z.record(z.string(), z.unknown()) }),
  resources: resources.exactOptional(),
  isolation: isolation.exactOptional(),
  sgx: z.boolean().exactOptional(),
  profile: z.enum(['standard', 'strict']).exactOptional(),
  preset: z.string().max(64).exactOptional(),
  network: z.enum(['none', 'internal', 'egress']).exactOptional(),
  portsToBind: z
    .array(
      z.strictObject({
        executorPort: port,
        hostPort: z.int().min(0).max(65_535).exactOptional(),
        ip: ip.exactOptional(),
        protocol: z.enum(['tcp', 'udp']).exactOptional(),
      }),
    )
    .max(MOST_PORTS)
    .exactOptional(),
  gatewayIp: ip.exactOptional(),
  inputs: z
    .array(
      z.discriminatedUnion('type', [
        z.strictObject({ type: z.literal('bind'), source: path, ...mounted }),
        z.strictObject({ type: z.literal('preset'), preset: z.string().max(128), ...mounted }),
        z.strictObject({ type: z.literal('upload'), upload: name, ...mounted }),
      ]),
    )
    .max(MOST_ITEMS)
    .exactOptional(),
  outputs: z.array(output).max(MOST_ITEMS).exactOptional(),
  resultsDir: path.exactOptional(),
  provisionScripts: z.array(script).max(MOST_ITEMS).exactOptional(),
  priority: z.int().min(-100).max(100).exactOptional(),
  queueTimeoutMs: milliseconds.exactOptional(),
  pullTimeoutMs: milliseconds.exactOptional(),
  timeoutMs: milliseconds.exactOptional(),
  graceMs: milliseconds.exactOptional(),
  stopSignal: z.string().refine(isSignalName, 'must name a signal, such as SIGTERM').exactOptional(),
  limits: z
    .strictObject({
      logBytes: bytes.exactOptional(),
      outputBytes: bytes.exactOptional(),
      outputFiles: z.int().min(0).exactOptional(),
    })
    .exactOptional(),
  idempotent: z.boolean().exactOptional(),
  retentionMs: milliseconds.exactOptional(),
  persistLogsMs: milliseconds.exactOptional(),
  webhook: z
    .strictObject({
      url: z.string().max(2048),
      events: z.array(z.enum(TERMINAL_STATUSES)).min(1).max(TERMINAL_STATUSES.length).exactOptional(),
    })
    .exactOptional(),
  labels: z.record(label, z.string().max(4096)).exactOptional(),
})
