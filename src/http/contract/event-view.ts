import { z } from 'zod'
import type { EndReason, ExecutionStatus } from '../../core/execution.ts'
import { endReason, executionStatus } from './execution-view.ts'
import { count, time } from './fields.ts'

/** The data of one event of `GET /v1/events`. */
export interface EventView {
  readonly seq: number
  readonly time: string
  readonly execution: string
  readonly status: ExecutionStatus
  readonly reason?: EndReason
}

export const eventView: z.ZodType<EventView> = z
  .object({ seq: count, time, execution: z.string(), status: executionStatus, reason: endReason.exactOptional() })
  .meta({ id: 'Event' })
