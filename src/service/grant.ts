import type { Log } from '../core/log.ts'
import { MIB, type Resources } from '../core/resources.ts'
import type { Grant } from './node-api.ts'

export interface GrantLimits {
  readonly hostCpuMillis: number
  readonly hostMemoryBytes: number
  /** Multiplies the cores on offer. */
  readonly cpuOvercommit: number
}

/** The share of the host's memory that tasks can be given at most. */
const MOST_MEMORY = 0.8

/** Caps a grant at what the host has: all its cores, 80 % of its memory. */
export function limitGrant(asked: Grant, limits: GrantLimits, log: Log): Grant {
  const mostMemory = Math.floor((limits.hostMemoryBytes * MOST_MEMORY) / MIB) * MIB
  const grant = {
    ...asked,
    cpuMillis: Math.min(asked.cpuMillis, limits.hostCpuMillis),
    memoryBytes: Math.min(asked.memoryBytes, mostMemory),
  }
  if (grant.cpuMillis < asked.cpuMillis || grant.memoryBytes < asked.memoryBytes) {
    const [offered, wanted] = [amounts(grant), amounts(asked)]
    log.warn({ offered, configured: wanted }, 'the configuration asks for more than this host has; capped')
  }
  if (grant.hasGpu) log.warn({}, 'has_gpu is set, but this version finds no GPUs yet: requests for them are refused')
  return grant
}

/** What the ledger may lease out. GPUs are none until they can be discovered. */
export function offeredResources(grant: Grant, limits: GrantLimits): Resources {
  return { cpuMillis: grant.cpuMillis * limits.cpuOvercommit, memoryBytes: grant.memoryBytes, gpus: 0 }
}

function amounts({ cpuMillis, memoryBytes }: Grant): { cpu: number; mem: number } {
  return { cpu: cpuMillis / 1000, mem: memoryBytes / MIB }
}
