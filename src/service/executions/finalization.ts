import { ErrandError } from '../../core/errors.ts'
import type { SandboxBill } from '../../engine/engine.ts'
import { provisionFailure } from '../../files/provision.ts'
import { collectOutputs } from '../../files/results-folder.ts'
import type { ExecutionInstance } from '../../instance/execution-instance.ts'
import type { SandboxEnd } from '../../instance/exit-observer.ts'
import type { ExecutionRecord, StopIntent } from '../executor.ts'
import type { ExecutionParts } from './execution-parts.ts'
import { type Outcome, outcomeOf } from './outcome.ts'
import type { ResourceWatch } from './resource-watch.ts'

/** How long the engine may take to hand over everything. */
const MOST_COLLECTING_MS = 600_000
/** An engine that comes back ends what an earlier run of it left, and writes that down as it does. */
const LATE_NEWS_MS = 15_000
/** Enough for the words of an engine's launcher or of a provision script's end. */
const TAIL_BYTES = 4096

type Brought = Pick<ExecutionRecord, 'outputs' | 'logs' | 'resources' | 'wasForced'>

/** Brings in what an execution leaves behind, while its sandbox is still there. */
export class Finalization {
  readonly #parts: ExecutionParts
  readonly #instance: ExecutionInstance
  readonly #watch: ResourceWatch

  constructor(parts: ExecutionParts, instance: ExecutionInstance, watch: ResourceWatch) {
    this.#parts = parts
    this.#watch = watch
    this.#instance = instance
  }

  async bringIn(end: SandboxEnd, intent: StopIntent | undefined): Promise<{ outcome: Outcome; changes: Brought }> {
    const { plan, files, record } = this.#parts
    const isGone = end.exitCode === undefined
    await this.#instance.drain()
    const { outputs, warnings, isOverLimit } = await this.#outputs(isGone)
    const bill = isGone ? undefined : await this.#bill()
    await files.end()
    const outcome = outcomeOf({
      end,
      intent,
      ...(await this.#explain(end)),
      isOverOutputLimit: isOverLimit,
      isEngineRestart: await this.#isEngineRestart(end),
      memoryBytes: plan.resources.memoryBytes,
      network: plan.network,
    })
    return {
      outcome: { ...outcome, warnings: [...outcome.warnings, ...warnings] },
      changes: {
        outputs,
        logs: files.totals,
        resources: { ...record.value.resources, used: this.#watch.used(bill) },
        wasForced: this.#instance.wasForced,
      },
    }
  }

  async #explain({ exitCode }: SandboxEnd): Promise<{ isCommandMissing: boolean; failedScript: string | undefined }> {
    if (exitCode === undefined || exitCode === 0) return { isCommandMissing: false, failedScript: undefined }
    const { plan, files, on } = this.#parts
    const tail = await files.text('stderr', TAIL_BYTES)
    const failure = plan.provisionScripts.length === 0 ? undefined : provisionFailure(exitCode, tail)
    return {
      isCommandMissing: on.engine.explainExit(exitCode, tail) === 'command_not_found',
      failedScript: failure?.script,
    }
  }

  async #outputs(isGone: boolean): Promise<Awaited<ReturnType<typeof collectOutputs>>> {
    const { plan, on, files } = this.#parts
    if (plan.outputs.length === 0) return { outputs: [], warnings: [], isOverLimit: false }
    if (isGone) return { outputs: [], warnings: ['its outputs are gone with its sandbox'], isOverLimit: false }
    const limits = { bytes: plan.outputBytes, files: plan.outputFiles }
    const signal = AbortSignal.timeout(MOST_COLLECTING_MS)
    return await collectOutputs(
      { engine: on.engine, ref: this.#instance.ref, folder: files.resultsDir },
      plan.outputs,
      limits,
      signal,
    )
  }

  /** The engine that made it is another run of it now, and it ended no later than that began. */
  async #isEngineRestart({ exitCode, finishedMs }: SandboxEnd): Promise<boolean> {
    const { on, record } = this.#parts
    const madeBy = record.value.host?.engineStartedMs
    if (madeBy === undefined || exitCode === undefined || exitCode === 0) return false
    const startedMs = await on.instances.engineStartedMs(AbortSignal.timeout(MOST_COLLECTING_MS))
    if (startedMs === undefined || startedMs === madeBy) return false
    return finishedMs === undefined || finishedMs <= startedMs + LATE_NEWS_MS
  }

  async #bill(): Promise<SandboxBill | undefined> {
    const { log } = this.#parts.deps
    try {
      return await this.#instance.bill(AbortSignal.timeout(MOST_COLLECTING_MS))
    } catch (error) {
      log.warn(
        { err: ErrandError.from(error), sandbox: this.#instance.name },
        'an execution could not be billed exactly',
      )
      return undefined
    }
  }
}
