import { canMove } from '../../core/execution.ts'
import type { SandboxSpec, SandboxView } from '../../engine/engine.ts'
import { untilAnswered } from '../../engine/until-answered.ts'
import type { ExecutionInstance } from '../../instance/execution-instance.ts'
import { describeExecution } from '../../instance/identity.ts'
import type { Intent } from '../../instance/instance.ts'
import type { Lease } from '../../resources/ledger.ts'
import { abortable } from '../../util/abort.ts'
import type { ExecutionParts } from './execution-parts.ts'
import type { Launch } from './launch.ts'
import { queueTimeLeft } from './time-left.ts'
import type { TrackedRecord } from './tracked-record.ts'

const START_TIMEOUT_MS = 120_000

/** What ends the way to a sandbox. */
export interface LeavingSignals {
  /** It is not wanted any more: nothing more is begun for it. */
  readonly unwanted: AbortSignal
  /** Nor is an engine call under way waited for. */
  readonly leaving: AbortSignal
  /** This process lets go of it, and leaves it to the next one. */
  readonly detaching: AbortSignal
}

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

  /**
   * Room, image, sandbox, in this order; resolves when it has been started. When `signals.detaching` or `unwanted` aborts, an
   * engine call under way is brought to its end; `signals.leaving` ends that, too.
   */
  async start({ unwanted, leaving, detaching }: LeavingSignals): Promise<SandboxView> {
    const signal = AbortSignal.any([leaving, detaching])
    const lease = await this.#admit(signal)
    const imageId = await this.#pull(signal)
    const { mounts, prefix } = await this.#mounts()
    signal.throwIfAborted()
    this.#instance = this.#plan(this.#parts.launch.specify(imageId, mounts, prefix), lease, detaching)
    const view = await this.#instance.start(leaving, AbortSignal.any([detaching, unwanted]))
    leaving.throwIfAborted()
    return view
  }

  /** Instead of `start`, with a sandbox that an earlier process started. */
  takeOver(view: SandboxView, detaching: AbortSignal): void {
    this.#occupy(view, detaching).adopt(view)
  }

  /**
   * Instead of `start`, with one that an earlier process may have had started just before it ended. Undefined when it was
   * not, and will not be: then it is recorded as such, and may be removed.
   */
  async takeOverLate(view: SandboxView, { leaving, detaching }: LeavingSignals): Promise<SandboxView | undefined> {
    const instance = this.#occupy(view, detaching)
    const found = await instance.adoptLate(view, AbortSignal.any([leaving, detaching]))
    if (found === undefined) await this.#parts.record.amend({ step: { name: view.name, step: 'create' } })
    return found
  }

  /**
   * Lets go of everything: of the sandbox by removing it, or, when it `stays`, by leaving it to a later process. So is one
   * that cannot be removed before `patience` aborts.
   */
  async end(stays: boolean, patience: AbortSignal): Promise<void> {
    const { files, place } = this.#parts
    place[Symbol.dispose]()
    if (this.#instance === undefined) this.#lease?.release()
    else if (stays) this.#instance.letGo()
    else await this.#remove(this.#instance, patience)
    this.#held.dispose()
    if (stays) await files.close()
    else await this.#removeGiven()
  }

  async #removeGiven(): Promise<void> {
    const { deps, plan, files } = this.#parts
    try {
      await files.removeGiven()
    } catch (error) {
      deps.log.warn({ err: error, execution: plan.executionId }, 'what an execution was given could not be removed')
    }
  }

  async #remove(instance: ExecutionInstance, patience: AbortSignal): Promise<void> {
    const { log } = this.#parts.deps
    try {
      await abortable(instance.remove(), patience)
    } catch (error) {
      if (!patience.aborted) throw error
      log.warn({ sandbox: instance.name }, 'a sandbox could not be removed in time; the next process does it')
    }
  }

  /** Its time in the queue begins before its inputs are here. */
  async #admit(signal: AbortSignal): Promise<Lease> {
    const { deps, plan, launch, record, uploads, place } = this.#parts
    const { queueTimeoutMs } = plan
    const leftMs = queueTimeLeft({ queueTimeoutMs, record: record.value, clock: deps.clock })
    const sinceMs = deps.clock.monotonicMs()
    await this.#advance('queued')
    await uploads.arrived(leftMs, signal)
    const waitedMs = deps.clock.monotonicMs() - sinceMs
    const admitted = launch.admit(Math.max(0, leftMs - waitedMs), signal)
    place[Symbol.dispose]()
    this.#lease = await admitted
    return this.#lease
  }

  async #pull(signal: AbortSignal): Promise<string> {
    const { deps, plan, launch } = this.#parts
    await this.#advance('pulling')
    const { id, digest } = this.#held.use(await untilAnswered(deps.clock, () => launch.image(signal), signal))
    const image = { reference: plan.image, id, ...(digest !== undefined && { digest }) }
    await this.#advance('creating', { image, host: { bootId: deps.bootId } })
    return id
  }

  /** Its inputs, held where they were checked, and its scripts. */
  async #mounts(): ReturnType<Launch['mounts']> {
    const { launch, files, uploads } = this.#parts
    return launch.mounts(files.folder, await uploads.use(), this.#held)
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

  /** What its labels say that it holds: that was reckoned when it was made, with the overhead of its own runtime. */
  #occupy(view: SandboxView, detaching: AbortSignal): ExecutionInstance {
    const { deps, plan, on, launch, record, place } = this.#parts
    place[Symbol.dispose]()
    const spec = launch.describe(record.value.image?.id ?? '')
    const holder = { instanceId: plan.executionId, image: plan.image }
    this.#lease = deps.admission.adopt(describeExecution(view)?.resources ?? on.engine.footprint(spec), holder)
    this.#instance = this.#plan(spec, this.#lease, detaching)
    record.insist(deps.log, detaching)
    return this.#instance
  }

  #plan(spec: SandboxSpec, lease: Lease, detaching: AbortSignal): ExecutionInstance {
    const { deps, plan, on, record, files } = this.#parts
    const { executionId, jobId } = plan
    const { attempt } = record.value
    const owner = { kind: 'execution', id: executionId, executor: deps.executorId, job: jobId, attempt } as const
    const intend = async ({ name, step }: Intent): Promise<void> => {
      // Ends are recorded by who wants them.
      if (step === 'create' || step === 'start') await record.amend({ step: { name, step } })
      if (step === 'start') record.insist(deps.log, detaching)
    }
    const sandbox = { id: executionId, spec, lease, output: files, intend, startTimeoutMs: START_TIMEOUT_MS }
    return on.instances.execution(sandbox, owner)
  }
}
