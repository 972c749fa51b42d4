import { z } from 'zod'
import type { Clock } from '../../core/clock.ts'
import { sleep } from '../../core/wait.ts'
import type { SandboxRef, SandboxStats, TrafficCounters } from '../engine.ts'
import { readJson } from './answers/read-answer.ts'
import type { DockerClient } from './client.ts'
import { containerPath } from './container-path.ts'

/** Between the two readings that a percentage takes. The Engine's own second one would take a second or two. */
const BETWEEN_READINGS_MS = 200
const PERCENT = 100
const NS_PER_MS = 1e6

const count: z.ZodType<number> = z
  .number()
  .nullish()
  .transform((value) => value ?? 0)

interface InterfaceAnswer {
  readonly rx_bytes: number
  readonly rx_packets: number
  readonly rx_errors: number
  readonly rx_dropped: number
  readonly tx_bytes: number
  readonly tx_packets: number
  readonly tx_errors: number
  readonly tx_dropped: number
}

export interface StatsAnswer {
  readonly read: string
  readonly cpu_stats: {
    readonly cpu_usage: {
      readonly total_usage: number
      readonly usage_in_kernelmode: number
      readonly usage_in_usermode: number
    }
  }
  readonly memory_stats: {
    readonly usage: number
    readonly limit: number
    /** Cgroup v1 alone counts it. */
    readonly max_usage?: number | undefined
    readonly stats: Readonly<Record<string, number>>
  }
  readonly networks: Readonly<Record<string, InterfaceAnswer>>
  readonly blkio_stats: {
    readonly io_service_bytes_recursive: readonly { readonly op: string; readonly value: number }[]
  }
  readonly pids_stats: { readonly current: number }
}

const interfaceAnswer: z.ZodType<InterfaceAnswer> = z.object({
  rx_bytes: count,
  rx_packets: count,
  rx_errors: count,
  rx_dropped: count,
  tx_bytes: count,
  tx_packets: count,
  tx_errors: count,
  tx_dropped: count,
})

export const statsAnswer: z.ZodType<StatsAnswer> = z.object({
  read: z.string(),
  cpu_stats: z.object({
    cpu_usage: z.object({ total_usage: count, usage_in_kernelmode: count, usage_in_usermode: count }),
  }),
  memory_stats: z.object({
    usage: count,
    limit: count,
    max_usage: z.number().optional(),
    stats: z
      .record(z.string(), z.number())
      .nullish()
      .transform((stats) => stats ?? {}),
  }),
  networks: z
    .record(z.string(), interfaceAnswer)
    .nullish()
    .transform((networks) => networks ?? {}),
  blkio_stats: z.object({
    io_service_bytes_recursive: z
      .array(z.object({ op: z.string(), value: z.number() }))
      .nullish()
      .transform((entries) => entries ?? []),
  }),
  pids_stats: z.object({ current: count }),
})

/** What a container uses now, as the port says; takes two readings. */
export async function readStats(
  deps: { readonly client: DockerClient; readonly clock: Clock },
  ref: SandboxRef,
  signal: AbortSignal,
): Promise<SandboxStats | undefined> {
  const first = await read(deps.client, ref, signal)
  if (first === undefined) return undefined
  await sleep(deps.clock, BETWEEN_READINGS_MS, signal)
  const second = await read(deps.client, ref, signal)
  return second && toStats(first, second)
}

async function read(client: DockerClient, ref: SandboxRef, signal: AbortSignal): Promise<StatsAnswer | undefined> {
  const query = { stream: 'false', 'one-shot': 'true' }
  const path = containerPath(ref.id, '/stats')
  const reply = await client.look({ operation: 'stats', method: 'GET', path, query, accept: [404, 409] }, signal)
  if (reply.status >= 400) return undefined
  const answer = readJson(statsAnswer, reply.body)
  // Of one that does not run the Engine answers zeros, read at no time: the year 1.
  return Date.parse(answer.read) > 0 ? answer : undefined
}

/** The later of two readings, with the cpu used between them. Pure. */
export function toStats(earlier: StatsAnswer, later: StatsAnswer): SandboxStats {
  const { total_usage, usage_in_kernelmode, usage_in_usermode } = later.cpu_stats.cpu_usage
  const timeMs = Date.parse(later.read)
  const passedNs = (timeMs - Date.parse(earlier.read)) * NS_PER_MS
  const usedNs = total_usage - earlier.cpu_stats.cpu_usage.total_usage
  const interfaces = Object.values(later.networks)
  return {
    timeMs,
    cpu: {
      totalNs: total_usage,
      kernelNs: usage_in_kernelmode,
      userNs: usage_in_usermode,
      percent: passedNs > 0 && usedNs > 0 ? (usedNs / passedNs) * PERCENT : 0,
    },
    memory: toMemory(later.memory_stats),
    network: { rx: received(interfaces), tx: sent(interfaces) },
    blockIo: { readBytes: blockBytes(later, 'read'), writeBytes: blockBytes(later, 'write') },
    pids: later.pids_stats.current,
  }
}

/** Without file cache that could be dropped, as `docker stats` shows it; v1 and v2 of cgroups name that differently. */
function toMemory({ usage, max_usage, limit, stats }: StatsAnswer['memory_stats']): SandboxStats['memory'] {
  const droppable = stats.total_inactive_file ?? stats.inactive_file ?? 0
  return { usageBytes: Math.max(0, usage - droppable), maxBytes: max_usage ?? usage, limitBytes: limit }
}

function received(interfaces: readonly InterfaceAnswer[]): TrafficCounters {
  return sum(interfaces.map((one) => [one.rx_bytes, one.rx_packets, one.rx_errors, one.rx_dropped]))
}

function sent(interfaces: readonly InterfaceAnswer[]): TrafficCounters {
  return sum(interfaces.map((one) => [one.tx_bytes, one.tx_packets, one.tx_errors, one.tx_dropped]))
}

function sum(rows: readonly (readonly [number, number, number, number])[]): TrafficCounters {
  const column = (at: 0 | 1 | 2 | 3): number => rows.reduce((total, row) => total + row[at], 0)
  return { bytes: column(0), packets: column(1), errors: column(2), dropped: column(3) }
}

/** `Read` under cgroup v1, `read` under v2; one entry for each device. */
function blockBytes({ blkio_stats }: StatsAnswer, operation: 'read' | 'write'): number {
  const entries = blkio_stats.io_service_bytes_recursive.filter(({ op }) => op.toLowerCase() === operation)
  return entries.reduce((total, { value }) => total + value, 0)
}
