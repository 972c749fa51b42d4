import type { ExecutionResources } from '../../core/execution-request.ts'
import type { ProvisionScript } from '../../core/provision-script.ts'
import type { Isolation } from '../../core/task.ts'

/** A named task as its caller defines it. Absent fields have the defaults named here, or the node's. */
export interface TaskRequest {
  /** A reference, or an image id. */
  readonly image: string
  readonly entrypoint?: readonly string[]
  readonly cmd?: readonly string[]
  /** Beside the image's own. */
  readonly env?: Readonly<Record<string, string>>
  readonly workingDir?: string
  readonly user?: string
  readonly resources?: ExecutionResources
  readonly isolation?: Isolation
  readonly sgx?: boolean
  /** Default: that of all warm tasks. With `none` it has to serve on its unix socket. */
  readonly network?: 'none' | 'internal' | 'egress'
  readonly profile?: 'standard' | 'strict'
  /** What it gets beyond its profile, by a name that the node's owner grants. */
  readonly preset?: string
  /** Run before its command, in each instance. */
  readonly provisionScripts?: readonly ProvisionScript[]
  /** On which its server listens. Default: 8080. Not with `network: none`. */
  readonly port?: number
  /** `mark`, `connect` or `http:PATH`. Default: `connect`. */
  readonly readiness?: string
  /** Requests that one instance answers at once. */
  readonly concurrency?: number | 'unlimited'
  /** How long an idle instance stays. */
  readonly keepAliveMs?: number
  /** How long a start may take. */
  readonly startTimeoutMs?: number
  /** How long nothing may come of a request. */
  readonly requestTimeoutMs?: number
}

/** A named task as it is kept. */
export interface TaskRecord {
  readonly callerId: string
  readonly name: string
  readonly request: TaskRequest
  readonly createdMs: number
  readonly updatedMs: number
}
