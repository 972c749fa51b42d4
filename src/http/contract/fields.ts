import { z } from 'zod'
import { GPU_VENDORS, type GpuVendor } from '../../core/gpu.ts'
import { MOST_ITEMS } from '../../core/request-fields.ts'
import { parseBytes } from '../../util/quantity.ts'

/** A number of bytes, or a text with a unit such as `256MiB`. */
export const size: z.ZodType<number, number | string> = z
  .union([z.number(), z.string()])
  .transform((raw, context) => {
    const bytes = parseBytes(raw)
    if (bytes !== undefined) return bytes
    context.addIssue({ code: 'custom', message: 'must be a whole number of bytes, or a size such as 256MiB' })
    return z.NEVER
  })
  .meta({ description: 'bytes, or a size such as `256MiB`' })

export const words: z.ZodType<string[], string[]> = z.array(z.string()).max(MOST_ITEMS)

/** Of something counted: bytes, files. */
export const count: z.ZodType<number> = z.number().min(0)

/** Of all that a node runs with. */
export const configVersion: z.ZodType<number> = z
  .int()
  .min(1)
  .describe("Of the node's configuration: one more with each change.")

/** RFC 3339. */
export const time: z.ZodType<string> = z.iso.datetime({ offset: true })

const gpu: z.ZodType<GpuBody, GpuBody<number | string>> = z.strictObject({
  count: z.int().min(1).max(64).exactOptional().describe('Whole devices. Default: 1.'),
  vendor: z.enum(GPU_VENDORS).exactOptional().describe('Default: any.'),
  model: z.string().min(1).max(128).exactOptional().describe('Default: any.'),
  minMemory: size.exactOptional().describe('Of each device: bytes, or a size such as `16GiB`.'),
  uuid: z.string().min(1).max(128).exactOptional().describe('This very device, so `count` is 1.'),
})

/** What a task asks for. */
export const resources: z.ZodType<ResourcesBody, ResourcesBody<number | string>> = z.strictObject({
  cpu: z.number().min(0).exactOptional().describe('Cores, in tenths. Absent or 0: 1.'),
  memory: size.exactOptional().describe('Bytes, or a size such as `256MiB`; 6 MiB at least. Absent or 0: 128 MiB.'),
  disk: size
    .exactOptional()
    .describe(
      'What it may write to its root file system: bytes, or a size such as `1GiB`. Absent or 0: as the node has it.',
    ),
  pids: z.int().min(0).exactOptional().describe('Processes and threads at once. Absent or 0: as the node has it.'),
  gpus: z.array(gpu).max(64).exactOptional().describe('Whole devices. Default: none.'),
})

/** Of a task, with the defaults filled in. */
export const askedView: z.ZodType<AskedView> = z.object({
  cpu: z.number().min(0),
  memory: count,
  disk: count.exactOptional(),
  pids: count.exactOptional(),
  gpus: z.array(
    z.object({
      count,
      vendor: z.enum(GPU_VENDORS).exactOptional(),
      model: z.string().exactOptional(),
      minMemory: count.exactOptional(),
      uuid: z.string().exactOptional(),
    }),
  ),
})

export interface AskedView {
  /** Cores. */
  readonly cpu: number
  readonly memory: number
  /** Absent: as the node has it for all. */
  readonly disk?: number
  readonly pids?: number
  readonly gpus: readonly AskedGpuView[]
}

interface AskedGpuView extends GpuBody {
  readonly count: number
}

export interface ResourcesBody<Size = number> {
  readonly cpu?: number
  readonly memory?: Size
  readonly disk?: Size
  readonly pids?: number
  readonly gpus?: readonly GpuBody<Size>[]
}

/** Whole devices that are alike. What is absent does not matter. */
export interface GpuBody<Size = number> {
  /** Default: 1. */
  readonly count?: number
  readonly vendor?: GpuVendor
  readonly model?: string
  /** Of each. */
  readonly minMemory?: Size
  /** This very device, so `count` is 1. */
  readonly uuid?: string
}
