import type { Admission } from '../../admission/admission.ts'
import type { GuardedEngine } from '../../engine/guarded-engine.ts'
import type { Ledger } from '../../resources/ledger.ts'
import type { Gate } from '../../service/gate.ts'
import type { AsyncInvocations } from '../../service/invocations/async-invocations.ts'
import type { Pool } from '../../warm/pool.ts'
import type { Webhooks } from '../../webhooks/webhooks.ts'
import { Gauge, type Registry } from './prom.ts'

/** What is looked at when somebody scrapes, and never in between. */
export interface NodeReadings {
  readonly ledger: Pick<Ledger, 'capacity' | 'reserved'>
  readonly pool: Pick<Pool, 'census' | 'waiting'>
  readonly admission: Pick<Admission, 'waitingStarts' | 'waitingExecutions'>
  readonly gate: Pick<Gate, 'state' | 'inside'>
  readonly engine: Pick<GuardedEngine, 'health'>
  readonly later: Pick<AsyncInvocations, 'waiting' | 'underWay'>
  readonly webhooks: Pick<Webhooks, 'outstanding'>
}

type Values = Readonly<Record<string, number>>

/** The state of a node. */
export function addNodeGauges(registry: Registry, readings: NodeReadings): void {
  const { ledger, pool, admission, gate, engine, later, webhooks } = readings
  const add = (name: string, help: string, read: () => number): void => {
    new Gauge({ name, help, registers: [registry], collect: setTo(read) })
  }
  const addBy = (name: string, label: string, help: string, read: () => Values): void => {
    new Gauge({ name, help, labelNames: [label], registers: [registry], collect: setAllTo(label, read) })
  }
  add('errand_cpu_capacity_cores', 'Cores offered to tasks.', () => ledger.capacity.cpuMillis / 1000)
  add('errand_cpu_leased_cores', 'Cores held by instances and executions.', () => ledger.reserved.cpuMillis / 1000)
  add('errand_memory_capacity_bytes', 'Memory offered to tasks.', () => ledger.capacity.memoryBytes)
  add('errand_memory_leased_bytes', 'Memory held by instances and executions.', () => ledger.reserved.memoryBytes)
  add('errand_gpus_capacity', 'GPUs offered to tasks.', () => ledger.capacity.gpus)
  add('errand_gpus_leased', 'GPUs held by instances and executions.', () => ledger.reserved.gpus)
  add('errand_invocations_in_flight', 'Invocations under way, waiting ones included.', () => gate.inside)
  addBy('errand_warm_instances', 'state', 'Warm instances by what they do.', () => ({ ...pool.census() }))
  addBy(
    'errand_queue_length',
    'queue',
    'What waits: requests for an instance, later for a turn, the others for resources.',
    () => ({
      requests: pool.waiting,
      starts: admission.waitingStarts,
      executions: admission.waitingExecutions(),
      later: later.waiting,
    }),
  )
  add('errand_later_under_way', 'Requests for later that are with tasks.', () => later.underWay)
  add('errand_webhooks_outstanding', 'Webhooks that are still to be delivered.', () => webhooks.outstanding)
  add('errand_node_accepts_work', '1 while the node takes new work; 0 while it is paused or stops.', () =>
    gate.state === 'serving' ? 1 : 0,
  )
  add('errand_engine_degraded', '1 while the engine gives no answers, or has only just begun to again; else 0.', () =>
    engine.health === 'responsive' ? 0 : 1,
  )
}

function setTo(read: () => number): (this: Gauge) => void {
  return function collect() {
    this.set(read())
  }
}

function setAllTo(label: string, read: () => Values): (this: Gauge) => void {
  return function collect() {
    for (const [name, value] of Object.entries(read())) this.set({ [label]: name }, value)
  }
}
