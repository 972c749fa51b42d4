import type { ContextFlags } from '../context/resolve-context.ts'

/** What `errand run` is told beside the image and its command. Everything as it was written. */
export interface RunFlags extends ContextFlags {
  readonly detach?: boolean
  readonly id?: string
  readonly input?: readonly string[]
  readonly output?: readonly string[]
  readonly env?: readonly string[]
  readonly label?: readonly string[]
  readonly port?: readonly string[]
  readonly cpu?: string
  readonly mem?: string
  readonly disk?: string
  readonly gpus?: string
  readonly isolation?: string
  readonly profile?: string
  readonly preset?: string
  readonly network?: string
  readonly entrypoint?: string
  readonly workdir?: string
  readonly user?: string
  readonly timeout?: string
  readonly queueTimeout?: string
  readonly priority?: string
  readonly idempotent?: boolean
  readonly rm?: boolean
  readonly local?: boolean
  readonly raw?: boolean
  readonly json?: boolean
}
