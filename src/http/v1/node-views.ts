import { parseCores } from '../../core/resources.ts'
import type { KeptConfig } from '../../journal/config-journal.ts'
import type { ExecutionCounts } from '../../service/executions-api.ts'
import type { GrantChange, NodeConfig, NodeDescription } from '../../service/node-api.ts'
import type { ConfigVersionView, NodeConfigView, NodeView } from '../contract/node-view.ts'
import type { NodeConfigBody } from '../contract/requests.ts'
import { toTime } from './views.ts'

interface NodeNames {
  readonly nodeName: string
  /** Of Errand. */
  readonly version: string
}

export function viewNode(
  { nodeName, version }: NodeNames,
  { state, resources, engine, isolations, warnings }: NodeDescription,
  { waiting, running }: ExecutionCounts,
): NodeView {
  const { cpuMillis, memoryBytes, cpuUsed, memoryUsed } = resources.host
  return {
    node: nodeName,
    state,
    versions: { errand: version, node: process.version },
    host: { cpu: cpuMillis / 1000, memory: memoryBytes, cpuUsed, memoryUsed },
    offered: viewResources(resources.offered),
    leased: viewResources(resources.leased),
    executions: { waiting, running },
    engines: [viewEngine(engine)],
    isolations: isolations.map(({ isolation, runtime, refusal, unenforced }) => ({
      isolation,
      available: runtime !== undefined,
      ...(runtime !== undefined && { runtime, unenforced: [...unenforced] }),
      ...(refusal !== undefined && { refusal }),
    })),
    warnings,
  }
}

export function viewConfig({ grant, kept }: NodeConfig): NodeConfigView {
  const { cpuMillis, memoryBytes, keepAliveMs } = grant
  return {
    cpu: cpuMillis / 1000,
    memory: memoryBytes,
    keepAliveMs,
    ...(kept !== undefined && { version: kept.version, hash: kept.hash, since: toTime(kept.sinceMs) }),
  }
}

export function viewConfigVersion({ version, hash, sinceMs, config }: KeptConfig): ConfigVersionView {
  return { version, hash, since: toTime(sinceMs), config: JSON.parse(config) }
}

/** @throws validation_failed for cores that are no tenths */
export function toGrantChange({ cpu, memory, keepAliveMs }: NodeConfigBody): GrantChange {
  return {
    ...(cpu !== undefined && { cpuMillis: parseCores(cpu) }),
    ...(memory !== undefined && { memoryBytes: memory }),
    ...(keepAliveMs !== undefined && { keepAliveMs }),
  }
}

function viewEngine({ name, probe }: NodeDescription['engine']): NodeView['engines'][number] {
  const { version, outlivesRestart, runtimes, defaultRuntime } = probe
  const viewed = [...runtimes].map(([runtime, { enforcesLimits }]) => ({
    name: runtime,
    enforcesLimits,
    default: runtime === defaultRuntime,
  }))
  return { name, version, outlivesRestart, runtimes: viewed }
}

export function viewResources(resources: {
  cpuMillis: number
  memoryBytes: number
  gpus: number
}): NodeView['offered'] {
  return { cpu: resources.cpuMillis / 1000, memory: resources.memoryBytes, gpus: resources.gpus }
}
