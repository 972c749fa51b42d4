import { join } from 'node:path'
import type { Clock } from '../core/clock.ts'
import { randomId } from '../core/ids.ts'
import type { Log } from '../core/log.ts'
import { probeDisk } from '../images/disk-space.ts'
import { LowWaterMark } from '../images/low-water-mark.ts'
import type { Gate } from '../service/gate.ts'
import type { InvocationTracer } from '../service/invocation-tracer.ts'
import { AsyncInvocations } from '../service/invocations/async-invocations.ts'
import type { LaterMeter } from '../service/invocations/later-meter.ts'
import type { NodeApi } from '../service/node-api.ts'
import type { NamedTasksApi } from '../service/tasks/named-tasks.ts'
import type { Webhooks } from '../webhooks/webhooks.ts'
import type { Config } from './config/config.ts'
import { invocationEvent } from './webhook-events.ts'

interface OpenInvocationsDeps {
  readonly node: NodeApi
  readonly tasks: NamedTasksApi
  readonly gate: Gate
  readonly webhooks: Webhooks
  readonly clock: Clock
  readonly log: Log
  readonly meter: LaterMeter | undefined
  readonly tracer: InvocationTracer | undefined
}

/** Opens what is answered later, and begins what an earlier daemon left. `held` lets go of it. */
export async function openInvocations(
  { stateDir, invocations: limits, executions: { minFreeBytes } }: Config,
  { node, ...deps }: OpenInvocationsDeps,
  held: AsyncDisposableStack,
): Promise<AsyncInvocations> {
  const disks = new LowWaterMark({ disks: { 'state folder': probeDisk(stateDir) }, clock: deps.clock, minFreeBytes })
  const later = await AsyncInvocations.open({
    ...deps,
    forward: (forwarding, sink, cancellation) => node.forward(forwarding, sink, cancellation),
    newId: randomId,
    limits,
    folder: join(stateDir, 'invocations'),
    assertRoom: () => disks.assertRoom(),
    event: invocationEvent,
  })
  held.defer(() => later.detach())
  later.start()
  return later
}
