import { z } from 'zod'
import { isId } from '../../core/ids.ts'
import { concurrency, milliseconds, port, readiness, user, variable } from '../../core/request-fields.ts'
import * as fields from '../executions/request-schema.ts'
import type { TaskRecord, TaskRequest } from './task-request.ts'

// Strict: a key that is not known is refused, whether a caller sends it or a later version has kept it.

const MOST_READINESS = 1024
/** A zero would start and stop without end. */
const patience = milliseconds.refine((ms) => ms > 0, 'must be above 0')

export const taskRequest: z.ZodType<TaskRequest> = z.strictObject({
  image: z.string().min(1),
  entrypoint: fields.words.exactOptional(),
  cmd: fields.words.exactOptional(),
  env: z.record(variable, fields.word).exactOptional(),
  workingDir: fields.path.exactOptional(),
  user: user.exactOptional(),
  resources: fields.resources.exactOptional(),
  isolation: fields.isolation.exactOptional(),
  sgx: z.boolean().exactOptional(),
  network: z.enum(['none', 'internal', 'egress']).exactOptional(),
  profile: z.enum(['standard', 'strict']).exactOptional(),
  preset: z.string().max(64).exactOptional(),
  provisionScripts: z.array(fields.script).exactOptional(),
  port: port.exactOptional(),
  readiness: readiness.refine((text) => text.length <= MOST_READINESS, 'is too long').exactOptional(),
  concurrency: concurrency.exactOptional(),
  keepAliveMs: milliseconds.exactOptional(),
  startTimeoutMs: patience.exactOptional(),
  requestTimeoutMs: patience.exactOptional(),
})

const taskRecord: z.ZodType<TaskRecord> = z.strictObject({
  callerId: z.string().min(1).max(128),
  name: z.string().refine(isId),
  request: taskRequest,
  createdMs: z.number(),
  updatedMs: z.number(),
})

/** What the file of named tasks holds. */
export const taskFile: z.ZodType<{ readonly version: 1; readonly tasks: readonly TaskRecord[] }> = z.strictObject({
  version: z.literal(1),
  tasks: z.array(taskRecord),
})
