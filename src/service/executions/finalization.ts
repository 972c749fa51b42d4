import { ErrandError } from '../../core/errors.ts'
import type { SandboxBill } from '../../engine/engine.ts'
import { untilAnswered } from '../../engine/until-answered.ts'
import { provisionFailure } from '../../files/provision.ts'
import { collectOutputs } from '../../files/results-folder.ts'
import type { ExecutionInstance } from '../../instance/execution-instance.ts'
import type { SandboxEnd } from '../../instance/exit-observer.ts'
import { abortable } from '../../util/abort.ts'
import type { CollectedOutput, ExecutionRecord, StopIntent } from '../executor.ts'
import { causeOf, type EndCause, isStrange, mayLackOutput } from './end-cause.ts'
import type { ExecutionParts } from './execution-parts.ts'
import { MOST_ATTEMPTS, type Outcome, outcomeOf } from './outcome.ts'
import type { ResourceWatch } from './resource-watch.ts'

/** How long the engine may take to hand over everything. */
const MOST_COLLECTING_MS = 600_000
/** Enough for the words of an engine's launcher or of a provision script's end. */
const TAIL_BYTES = 4096

type Brought = Pick<ExecutionRecord, 'outputs' | 'resources' | 'wasForced'>

const FORCED = 'it did not end when it was told to, and was killed after its grace'
const KILLED = 137

const NO_OUTPUTS = { outputs: [], warnings: [], isOverLimit: false }

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

  /** An engine that gives no answer is asked until it does. @throws signal.reason */
  async bringIn(
    end: SandboxEnd,
    intent: StopIntent | undefined,
    signal: AbortSignal,
  ): Promise<{ outcome: Outcome; changes: Brought }> {
    const { plan, record } = this.#parts
    const isGone = end.exitCode === undefined
    await abortable(this.#instance.drain(), signal)
    const cause = await this.#cause(end, signal)
    const mayRepeat = plan.isIdempotent && record.value.attempt < MOST_ATTEMPTS
    const isRepeated = mayRepeat && intent === undefined && (cause === 'engine' || cause === 'runtime')
    const { outputs, warnings, isOverLimit } = isRepeated ? NO_OUTPUTS : await this.#outputs(isGone, signal)
    const bill = isGone ? undefined : await this.#bill(signal)
    const outcome = outcomeOf({
      end,
      intent,
      ...(await this.#explain(end)),
      isOverOutputLimit: isOverLimit,
      cause,
      memoryBytes: plan.resources.memoryBytes,
      network: plan.network,
    })
    const wasForced = this.#instance.wasForced || (intent !== undefined && wasKilled(end))
    const hadTime = (record.value.intent?.graceMs ?? 0) > 0
    return {
      outcome: { ...outcome, warnings: [...outcome.warnings, ...warnings, ...(wasForced && hadTime ? [FORCED] : [])] },
      changes: {
        outputs,
        resources: { ...record.value.resources, used: this.#watch.used(bill) },
        wasForced,
      },
    }
  }

  async #explain({ exitCode }: SandboxEnd): Promise<{ isCommandMissing: boolean; failedScript: string | undefined }> {
    if (exitCode === undefined || exitCode === 0) return { isCommandMissing: false, failedScript: undefined }
    const { plan, files, on, deps } = this.#parts
    // It makes the reason more exact. The exit code is known without it.
    const tail = await files.text('stderr', TAIL_BYTES).catch((error: unknown) => {
      deps.log.warn({ err: error, execution: plan.executionId }, 'the end of its output cannot be read')
      return ''
    })
    const failure = plan.provisionScripts.length === 0 ? undefined : provisionFailure(exitCode, tail)
    return {
      isCommandMissing: on.engine.explainExit(exitCode, tail) === 'command_not_found',
      failedScript: failure?.script,
    }
  }

  async #outputs(isGone: boolean, parent: AbortSignal): Promise<Awaited<ReturnType<typeof collectOutputs>>> {
    const { plan, on, files, deps } = this.#parts
    if (plan.outputs.length === 0) return NO_OUTPUTS
    if (isGone) return { ...NO_OUTPUTS, warnings: ['its outputs are gone with its sandbox'] }
    await files.prepareResults()
    const source = { engine: on.engine, ref: this.#instance.ref, folder: files.resultsDir }
    const signal = AbortSignal.any([parent, AbortSignal.timeout(MOST_COLLECTING_MS)])
    const all = { outputs: [] as CollectedOutput[], warnings: [] as string[], isOverLimit: false }
    const left = { bytes: plan.outputBytes, files: plan.outputFiles }
    // One by one: what has been brought in is not asked for again when the engine goes away.
    for (const output of plan.outputs) {
      const one = await untilAnswered(deps.clock, () => collectOutputs(source, [output], left, signal), signal)
      all.warnings.push(...one.warnings)
      all.isOverLimit ||= one.isOverLimit
      for (const collected of one.outputs) {
        all.outputs.push(collected)
        left.bytes -= collected.bytes
        left.files -= collected.files
      }
      if (all.isOverLimit) break
    }
    return all
  }

  async #cause(end: SandboxEnd, signal: AbortSignal): Promise<EndCause> {
    const { on, record, files } = this.#parts
    const madeBy = record.value.host?.engineStartedMs
    if (end.exitCode === undefined || madeBy === undefined) return causeOf(end, undefined, { outlivesRestart: true })
    const run = await on.instances.engineRun(signal, isStrange(end))
    if (mayLackOutput(end, madeBy, run)) files.noteGap()
    return causeOf(end, madeBy, run)
  }

  async #bill(signal: AbortSignal): Promise<SandboxBill | undefined> {
    const { log, clock } = this.#parts.deps
    try {
      return await untilAnswered(clock, () => this.#instance.bill(signal), signal)
    } catch (error) {
      signal.throwIfAborted()
      log.warn(
        { err: ErrandError.from(error), sandbox: this.#instance.name },
        'an execution could not be billed exactly',
      )
      return undefined
    }
  }
}

/** An earlier process may have done that, and not lived to say so. */
function wasKilled({ exitCode, isOomKilled }: SandboxEnd): boolean {
  return exitCode === KILLED && !isOomKilled
}
