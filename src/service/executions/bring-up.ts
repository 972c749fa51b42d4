import { canMove } from '../../core/execution.ts'
import type { SandboxSpec, SandboxView } from '../../engine/engine.ts'
import { untilAnswered } from '../../engine/until-answered.ts'
import type { ExecutionInstance } from '../../instance/execution-instance.ts'
import type { Intent } from '../../instance/instance.ts'
import type { Lease } from '../../resources/ledger.ts'
import type { ExecutionParts } from './execution-parts.ts'
import { queueTimeLeft } from './time-left.ts'
import type { TrackedRecord } from './tracked-record.ts'

const START_TIMEOUT_MS = 120_000

/** The way to an execution's sandbox, and what is held on it: room, image, inputs, and in the end the sandbox itself. */
export class BringUp {
  readonly #parts: ExecutionParts
  readonly #held = new DisposableStack()
  #lease: Lease | undefined
  #instance: ExecutionInstance | undefined

  constructor(parts: ExecutionParts) {
    this.#parts = parts
  }

  /** From before the engine is asked for it. */
  get instance(): ExecutionInstance | undefined {
    return this.#instance
  }

  /** Room, image, sandbox, in this order; resolves when it has been started. */
  async start(signal: AbortSignal): Promise<SandboxView> {
    const { deps, plan, launch, record, files, uploads, place } = this.#parts
    const { queueTimeoutMs } = plan
    const leftMs = queueTimeLeft({ queueTimeoutMs, record: record.value, clock: deps.clock })
    const sinceMs = deps.clock.monotonicMs()
    await this.#advance('queued')
    await uploads.arrived(leftMs, signal)
    const waitedMs = deps.clock.monotonicMs() - sinceMs
    const admitted = launch.admit(Math.max(0, leftMs - waitedMs), signal)
    place[Symbol.dispose]()
    this.#lease = await admitted
    await this.#advance('pulling')
    const { id, digest } = this.#held.use(await untilAnswered(deps.clock, () => launch.image(signal), signal))
    const image = { reference: plan.image, id, ...(digest !== undefined && { digest }) }
    await this.#advance('creating', { image, host: { bootId: deps.bootId } })
    const { mounts, prefix } = await launch.mounts(files.folder, await uploads.use(), this.#held)
    signal.throwIfAborted()
    this.#instance = this.#plan(launch.specify(id, mounts, prefix), this.#lease)
    const view = await this.#instance.start(signal)
    signal.throwIfAborted()
    return view
  }

  /** Instead of `start`, with a sandbox that an earlier process started. */
  takeOver(view: SandboxView): void {
    const { deps, plan, on, launch, record, place } = this.#parts
    place[Symbol.dispose]()
    const spec = launch.describe(record.value.image?.id ?? '')
    const holder = { instanceId: plan.executionId, image: plan.image }
    this.#lease = deps.admission.adopt(on.engine.footprint(spec), holder)
    this.#instance = this.#plan(spec, this.#lease)
    this.#instance.adopt(view)
  }

  /** Lets go of everything: of the sandbox by removing it, or, when it `stays`, by leaving it to a later process. */
  async end(stays: boolean): Promise<void> {
    const { files, place } = this.#parts
    place[Symbol.dispose]()
    if (this.#instance === undefined) this.#lease?.release()
    else if (stays) this.#instance.letGo()
    else await this.#instance.remove()
    this.#held.dispose()
    if (stays) await files.close()
    else await files.removeGiven()
  }

  /** One that is taken up again by another process has been further already. */
  async #advance(
    status: 'queued' | 'pulling' | 'creating',
    changes: Parameters<TrackedRecord['move']>[1] = {},
  ): Promise<void> {
    const { record } = this.#parts
    if (canMove(record.status, status)) await record.move(status, changes)
    else await record.amend(changes)
  }

  #plan(spec: SandboxSpec, lease: Lease): ExecutionInstance {
    const { deps, plan, on, record, files } = this.#parts
    const { executionId, jobId } = plan
    const { attempt } = record.value
    const owner = { kind: 'execution', id: executionId, executor: deps.executorId, job: jobId, attempt } as const
    const intend = async ({ name, step }: Intent): Promise<void> => {
      // Ends are recorded by who wants them.
      if (step === 'create' || step === 'start') await record.amend({ step: { name, step } })
    }
    const sandbox = { id: executionId, spec, lease, output: files, intend, startTimeoutMs: START_TIMEOUT_MS }
    return on.instances.execution(sandbox, owner)
  }
}
