import { ErrandError } from '../../core/errors.ts'
import type { SandboxBill } from '../../engine/engine.ts'
import { provisionFailure } from '../../files/provision.ts'
import { collectOutputs } from '../../files/results-folder.ts'
import type { ExecutionInstance } from '../../instance/execution-instance.ts'
import type { SandboxEnd } from '../../instance/exit-observer.ts'
import type { ExecutionRecord, UsedResources } from '../executor.ts'
import type { ExecutionParts } from './execution.ts'
import { type Outcome, outcomeOf, type StopIntent } from './outcome.ts'

/** How long the engine may take to hand over everything. */
const MOST_COLLECTING_MS = 600_000
/** Enough for the words of an engine's launcher or of a provision script's end. */
const TAIL_BYTES = 4096

type Brought = Pick<ExecutionRecord, 'outputs' | 'logs' | 'resources' | 'wasForced'>

/** Brings in what an execution leaves behind, while its sandbox is still there. */
export class Finalization {
  readonly #parts: ExecutionParts
  readonly #instance: ExecutionInstance

  constructor(parts: ExecutionParts, instance: ExecutionInstance) {
    this.#parts = parts
    this.#instance = instance
  }

  async bringIn(
    end: SandboxEnd,
    intent: StopIntent | undefined,
    used: (bill: SandboxBill | undefined) => UsedResources,
  ): Promise<{ outcome: Outcome; changes: Brought }> {
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
      memoryBytes: plan.resources.memoryBytes,
      network: plan.network,
    })
    return {
      outcome: { ...outcome, warnings: [...outcome.warnings, ...warnings] },
      changes: {
        outputs,
        logs: files.totals,
        resources: { ...record.value.resources, used: used(bill) },
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
