import type { DiskWatch } from '../../instance/disk-watch.ts'
import type { ExecutionDeps, ExecutionEngine } from './execution-deps.ts'
import type { ExecutionFiles } from './execution-files.ts'
import type { ExecutionPlan } from './execution-plan.ts'
import type { Launch } from './launch.ts'
import type { TrackedRecord } from './tracked-record.ts'
import type { Uploads } from './uploads.ts'

/** What belongs to one execution while it lives. */
export interface ExecutionParts {
  readonly deps: ExecutionDeps
  /** One for all. */
  readonly disks: DiskWatch
  readonly plan: ExecutionPlan
  readonly on: ExecutionEngine
  readonly launch: Launch
  readonly record: TrackedRecord
  readonly files: ExecutionFiles
  readonly uploads: Uploads
  /** In the queue, until it waits for room there. */
  readonly place: Disposable
}
