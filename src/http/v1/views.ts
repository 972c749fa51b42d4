import { isTerminal } from '../../core/execution.ts'
import type { AssignedGpu, GpuRequest } from '../../core/gpu.ts'
import type { SandboxStats, TrafficCounters } from '../../engine/engine.ts'
import type { JournalEvent } from '../../journal/journal.ts'
import type { ExecutionRecord, ExecutionTimes, UsedResources } from '../../service/executor.ts'
import type { InvocationRecord } from '../../service/invocations/invocation-record.ts'
import type { WebhookOutcome } from '../../webhooks/webhooks.ts'
import type { EventView } from '../contract/event-view.ts'
import type { ExecutionView, StatsView, TimeName, UsedName } from '../contract/execution-view.ts'
import type { InvocationView } from '../contract/invocation-view.ts'
import type { WebhookView } from '../contract/webhook-view.ts'

// Field by field: what is added to a record (a request's environment, a path of this host) is not told by itself.

const TIMES = {
  accepted: 'acceptedMs',
  queued: 'queuedMs',
  pulling: 'pullingMs',
  creating: 'creatingMs',
  running: 'runningMs',
  finalizing: 'finalizingMs',
  ended: 'endedMs',
} satisfies Record<TimeName, keyof ExecutionTimes>

const USED = {
  cpuSeconds: 'cpuSeconds',
  memoryPeak: 'memoryPeakBytes',
  networkRx: 'networkRxBytes',
  networkTx: 'networkTxBytes',
  blockRead: 'blockReadBytes',
  blockWrite: 'blockWriteBytes',
} satisfies Record<UsedName, keyof UsedResources>

export function toTime(wallMs: number): string {
  return new Date(wallMs).toISOString()
}

export function viewExecution(record: ExecutionRecord): ExecutionView {
  const { reason, signal, image, logs, request, configVersion } = record
  return {
    id: record.executionId,
    job: record.jobId,
    caller: record.callerId,
    status: record.status,
    ...(reason !== undefined && { reason }),
    message: record.message,
    attempt: record.attempt,
    ...(record.queue !== undefined && { queue: record.queue }),
    ...(record.pull !== undefined && { pull: viewPull(record.pull) }),
    ...(isTerminal(record.status) && { exitCode: record.exitCode }),
    ...(signal !== undefined && { signal }),
    oomKilled: record.isOomKilled,
    warnings: record.warnings,
    times: viewTimes(record.times),
    resources: { asked: viewAsked(record), used: renamed(USED, record.resources.used, (value) => value) },
    gpus: record.gpus.map(viewGpu),
    ...(image !== undefined && { image: viewImage(image) }),
    engine: record.engine,
    isolation: request.isolation ?? 'container',
    sgx: request.sgx ?? false,
    ports: record.ports.map(({ port, protocol, hostIp, hostPort }) => ({ port, protocol, hostIp, hostPort })),
    logs: { bytes: logs.stdoutBytes + logs.stderrBytes, truncated: logs.droppedBytes > 0, gaps: logs.gaps },
    outputs: record.outputs.map(({ name, path, bytes, files, skipped }) => ({ name, path, bytes, files, skipped })),
    labels: request.labels ?? {},
    ...(configVersion !== undefined && { configVersion }),
    ...(request.webhook !== undefined && { webhook: viewWebhook(request.webhook.url, record.webhook) }),
  }
}

function viewWebhook(url: string, outcome: WebhookOutcome | undefined): WebhookView {
  const { origin } = new URL(url)
  if (outcome === undefined) return { origin }
  if ('deliveredMs' in outcome) return { origin, delivered: toTime(outcome.deliveredMs) }
  return { origin, failed: outcome.reason }
}

function viewPull({ layers, bytes, totalBytes }: NonNullable<ExecutionRecord['pull']>): ExecutionView['pull'] & object {
  return { layers, bytes, total: totalBytes }
}

function viewTimes(times: ExecutionTimes): ExecutionView['times'] {
  return renamed(TIMES, times, toTime)
}

function viewAsked({ resources: { asked } }: ExecutionRecord): ExecutionView['resources']['asked'] {
  const { cpuMillis, memoryBytes, diskBytes, gpus, pids } = asked
  return {
    cpu: cpuMillis / 1000,
    memory: memoryBytes,
    disk: diskBytes,
    ...(pids !== undefined && { pids }),
    gpus: gpus.map(viewGpuRequest),
  }
}

export function viewGpuRequest(request: GpuRequest): ExecutionView['resources']['asked']['gpus'][number] {
  const { count = 1, vendor, model, minMemoryBytes, uuid } = request
  return {
    count,
    ...(vendor !== undefined && { vendor }),
    ...(model !== undefined && { model }),
    ...(minMemoryBytes !== undefined && { minMemory: minMemoryBytes }),
    ...(uuid !== undefined && { uuid }),
  }
}

function viewGpu({ uuid, vendor, model }: AssignedGpu): ExecutionView['gpus'][number] {
  return { ...(uuid !== undefined && { uuid }), vendor, model }
}

function viewImage({ reference, id, digest }: NonNullable<ExecutionRecord['image']>): ExecutionView['image'] & object {
  return { reference, id, ...(digest !== undefined && { digest }) }
}

export function viewInvocation(record: InvocationRecord): InvocationView {
  const { id, callerId, task, method, status, acceptedMs, begunMs, endedMs, failure, answer, webhookUrl } = record
  return {
    id,
    caller: callerId,
    task,
    method,
    status,
    times: {
      accepted: toTime(acceptedMs),
      ...(begunMs !== undefined && { begun: toTime(begunMs) }),
      ...(endedMs !== undefined && { ended: toTime(endedMs) }),
    },
    idempotent: record.isIdempotent,
    requestBytes: record.requestBytes,
    ...(answer !== undefined && { response: { status: answer.status, bytes: answer.bytes } }),
    ...(failure !== undefined && { failure }),
    ...(webhookUrl !== undefined && { webhook: viewWebhook(webhookUrl, record.webhook) }),
  }
}

/** Those fields of `source` that are there, under other names. */
function renamed<Name extends string, Key extends string, Value>(
  names: Readonly<Record<Name, Key>>,
  source: Readonly<Partial<Record<Key, number>>>,
  show: (value: number) => Value,
): Partial<Record<Name, Value>> {
  const view: Partial<Record<Name, Value>> = {}
  for (const name of Object.keys(names) as Name[]) {
    const value = source[names[name]]
    if (value !== undefined) view[name] = show(value)
  }
  return view
}

export function viewStats({ timeMs, cpu, memory, network, blockIo, pids }: SandboxStats): StatsView {
  const { totalNs, kernelNs, userNs, percent } = cpu
  return {
    time: toTime(timeMs),
    cpu: { totalNs, kernelNs, userNs, percent },
    memory: { usage: memory.usageBytes, max: memory.maxBytes, limit: memory.limitBytes },
    network: { rx: viewTraffic(network.rx), tx: viewTraffic(network.tx) },
    blockIo: { read: blockIo.readBytes, write: blockIo.writeBytes },
    pids,
  }
}

function viewTraffic({ bytes, packets, errors, dropped }: TrafficCounters): StatsView['network']['rx'] {
  return { bytes, packets, errors, dropped }
}

export function viewEvent({ seq, atMs, executionId, status, reason }: JournalEvent): EventView {
  return { seq, time: toTime(atMs), execution: executionId, status, ...(reason !== undefined && { reason }) }
}
