import type { ContextFlags } from '../context/resolve-context.ts'
import type { TaskFlags } from './task-fields.ts'

/** What `errand run` is told beside the image and its command. Everything as it was written. */
export interface RunFlags extends ContextFlags, TaskFlags {
  readonly file?: string
  readonly detach?: boolean
  readonly id?: string
  readonly job?: string
  readonly input?: readonly string[]
  readonly output?: readonly string[]
  readonly label?: readonly string[]
  readonly port?: readonly string[]
  readonly timeout?: string
  readonly queueTimeout?: string
  readonly pullTimeout?: string
  readonly grace?: string
  readonly retention?: string
  readonly webhook?: string
  readonly priority?: string
  readonly idempotent?: boolean
  readonly rm?: boolean
  readonly local?: boolean
  readonly raw?: boolean
  readonly json?: boolean
}
