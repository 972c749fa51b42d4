import { ErrandError } from './errors.ts'

/** What a task asks for, a lease holds, or a machine has. Whole numbers, so that sums are exact. */
export interface Resources {
  /** Thousandths of a core. */
  readonly cpuMillis: number
  readonly memoryBytes: number
  /** Whole devices. */
  readonly gpus: number
}

export type ResourceKind = keyof Resources

export const RESOURCE_KINDS: readonly ResourceKind[] = ['cpuMillis', 'memoryBytes', 'gpus']

export const MIB: number = 1024 * 1024

/** What a task gets that does not say: 1 core and 128 MiB, as in the MECAnywhere executor. */
export const DEFAULT_RESOURCES: Resources = { cpuMillis: 1000, memoryBytes: 128 * MIB, gpus: 0 }

/** The smallest CPU share and its step. */
const CPU_STEP_MILLIS = 100
/** Docker Engine refuses containers below 6 MiB. */
export const LEAST_MEMORY_BYTES: number = 6 * MIB

export const NO_RESOURCES: Resources = { cpuMillis: 0, memoryBytes: 0, gpus: 0 }

export function addResources(a: Resources, b: Resources): Resources {
  return mapResources((kind) => a[kind] + b[kind])
}

export function subtractResources(a: Resources, b: Resources): Resources {
  return mapResources((kind) => a[kind] - b[kind])
}

export function mapResources(value: (kind: ResourceKind) => number): Resources {
  return { cpuMillis: value('cpuMillis'), memoryBytes: value('memoryBytes'), gpus: value('gpus') }
}

/** The kinds of which `asked` wants more than `offered` has. */
export function exceeding(asked: Resources, offered: Resources): ResourceKind[] {
  return RESOURCE_KINDS.filter((kind) => asked[kind] > offered[kind])
}

/** One kind's amount for people: `1.5 cores`, `128 MiB`, `2 GPUs`. */
export function describeResource(kind: ResourceKind, amount: number): string {
  switch (kind) {
    case 'cpuMillis':
      return `${amount / 1000} ${amount === 1000 ? 'core' : 'cores'}`
    case 'memoryBytes':
      return `${Math.round((amount / MIB) * 10) / 10} MiB`
    case 'gpus':
      return `${amount} ${amount === 1 ? 'GPU' : 'GPUs'}`
    default:
      return kind satisfies never
  }
}

/** Whether that many can be asked for: steps of 0.1 from 0.1 up. */
export function isCores(cores: number): boolean {
  const millis = Math.round(cores * 1000)
  const isStep = millis % CPU_STEP_MILLIS === 0 && Math.abs(cores * 1000 - millis) < 1e-6
  return isStep && millis >= CPU_STEP_MILLIS
}

/**
 * Cores as thousandths. The one place where cores become millicores.
 * @throws validation_failed for what cannot be asked for
 */
export function parseCores(cores: number): number {
  if (!isCores(cores)) {
    throw new ErrandError('validation_failed', `cpu must be at least 0.1 cores, in steps of 0.1; it is ${cores}`, {
      details: { cpu: cores },
    })
  }
  return Math.round(cores * 1000)
}

/**
 * Whole mebibytes from 6 up, as bytes ("MB" on the MECA face means MiB).
 * @throws validation_failed for anything else
 */
export function parseMebibytes(mebibytes: number): number {
  const bytes = mebibytes * MIB
  if (!Number.isSafeInteger(mebibytes) || !Number.isSafeInteger(bytes) || bytes < LEAST_MEMORY_BYTES) {
    throw new ErrandError('validation_failed', `memory must be a whole number of MB, at least 6; it is ${mebibytes}`, {
      details: { mem: mebibytes },
    })
  }
  return bytes
}
