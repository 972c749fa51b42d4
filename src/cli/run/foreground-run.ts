import type { ErrandClient, ExecutionView } from '../../client/client.ts'
import { clientClock } from '../../client/client-clock.ts'
import { ErrandError } from '../../core/errors.ts'
import { Deadline } from '../../core/wait.ts'
import { BackgroundWork } from '../../util/background-work.ts'
import { describeFailure } from '../failure.ts'
import { printJson } from '../output/json.ts'
import { neutralize } from '../output/neutralize.ts'
import type { Terminal } from '../terminal.ts'
import { PATIENT } from '../with-client.ts'
import { cancelRun } from './cancel-run.ts'
import { FateUnknown } from './fate-unknown.ts'
import type { Interrupts } from './interrupts.ts'
import { printLogs } from './print-logs.ts'
import { readInputs } from './read-inputs.ts'
import type { RunFlags } from './run-flags.ts'
import type { RunPlan } from './run-request.ts'
import { RUN_EXIT, runStatus } from './run-status.ts'
import { showProgress } from './show-progress.ts'
import { StatusLine } from './status-line.ts'
import { fetchOutputs, type SentInput, sendInputs } from './transfers.ts'

interface RunParts {
  readonly client: ErrandClient
  readonly plan: RunPlan
  readonly flags: RunFlags
  readonly terminal: Terminal
  readonly interrupts: Interrupts
}

/** For telling a node that what it waits for does not come. */
const GIVE_UP_MS = 10_000

/** One execution from the request to its end, in front of somebody's eyes. */
export class ForegroundRun {
  readonly #client: ErrandClient
  readonly #plan: RunPlan
  readonly #flags: RunFlags
  readonly #terminal: Terminal
  readonly #interrupts: Interrupts
  readonly #status: StatusLine
  readonly #background = new BackgroundWork()
  /** Aborts when nothing is to be asked any more. */
  readonly #over = new AbortController()
  readonly #id: string
  /** Whether the node has it, as far as is known here. */
  #isAccepted = false

  constructor({ client, plan, flags, terminal, interrupts }: RunParts) {
    this.#client = client
    this.#plan = plan
    this.#flags = flags
    this.#terminal = terminal
    this.#interrupts = interrupts
    this.#status = new StatusLine(terminal.stderr)
    this.#id = plan.body.id ?? ''
  }

  /** Resolves with its exit status. @throws what kept it from running */
  async run(): Promise<number> {
    using _status = this.#status
    const { asked, left } = this.#interrupts
    asked.throwIfAborted()
    asked.addEventListener('abort', this.#onAsked)
    try {
      return await this.#run()
    } catch (error) {
      if (!left.aborted) throw error
      return this.#tellLeft()
    } finally {
      asked.removeEventListener('abort', this.#onAsked)
      this.#over.abort(new ErrandError('cancelled', 'it is over'))
      await this.#background.idle()
    }
  }

  async #run(): Promise<number> {
    const { asked, left } = this.#interrupts
    await using inputs = await readInputs(this.#plan.inputs, this.#terminal.stdin, asked)
    const record = await this.#submit(left)
    if (asked.aborted) this.#background.add(this.#cancel(left))
    else await this.#send(inputs.all, asked)
    if (this.#flags.detach === true && !asked.aborted) return this.#tellDetached(record)
    return await this.#settle(await this.#follow(left), left)
  }

  async #submit(signal: AbortSignal): Promise<ExecutionView> {
    this.#status.show('submitting')
    try {
      const record = await this.#client.executions.submit(this.#plan.body, { signal })
      this.#isAccepted = true
      return record
    } catch (error) {
      signal.throwIfAborted()
      throw mayHaveArrived(error) ? new FateUnknown(this.#id, error) : error
    }
  }

  /** An execution whose inputs do not come would wait for them until its time in the queue is up. */
  async #send(inputs: readonly SentInput[], asked: AbortSignal): Promise<void> {
    if (inputs.length === 0) return
    this.#status.show('sending inputs')
    try {
      await sendInputs(this.#client, this.#id, inputs, asked)
    } catch (error) {
      // It ended before it began, by us or by others: its record says how.
      if (asked.aborted || ErrandError.from(error).code === 'already_ended') return
      using patience = new Deadline(clientClock, GIVE_UP_MS, () => ErrandError.from(error), asked)
      await this.#cancel(patience.signal)
      throw error
    }
  }

  async #follow(signal: AbortSignal): Promise<ExecutionView> {
    const over = new AbortController()
    const looking = this.#showProgress(AbortSignal.any([signal, over.signal]))
    try {
      if (this.#flags.json !== true && this.#flags.detach !== true) await this.#print(() => over.abort(), signal)
      return await this.#client.executions.wait(this.#id, { ...PATIENT, signal })
    } catch (error) {
      signal.throwIfAborted()
      throw new FateUnknown(this.#id, error)
    } finally {
      over.abort()
      await looking
    }
  }

  async #showProgress(signal: AbortSignal): Promise<void> {
    if (!this.#terminal.stderr.isTTY) return
    const { image = '' } = this.#plan.body.task ?? {}
    await showProgress(this.#client, { id: this.#id, image }, this.#status, signal)
  }

  /** What prints has begun: `onBegun` is called before its output, which no progress is to follow. */
  async #print(onBegun: () => void, signal: AbortSignal): Promise<void> {
    const onLine = (): void => {
      onBegun()
      this.#status.clear()
    }
    const options = { raw: this.#flags.raw, onLine }
    await printLogs(this.#client, this.#id, { follow: true, ...PATIENT, signal }, options, this.#terminal)
  }

  /** Its status is the workload's, unless that would hide that something is missing here. */
  async #settle(record: ExecutionView, signal: AbortSignal): Promise<number> {
    this.#status.clear()
    // First of all how it ended: nothing that goes wrong here afterwards may hide that.
    if (this.#flags.json === true) printJson(this.#terminal.stdout, record)
    else this.#tellOf(record)
    const isWhole = await this.#bring(record, signal)
    const status = runStatus(record)
    return status === RUN_EXIT.ok && !isWhole ? RUN_EXIT.failed : status
  }

  /** Whether everything that was asked for is here. What cannot be brought now is kept on the node. */
  async #bring(record: ExecutionView, signal: AbortSignal): Promise<boolean> {
    try {
      const areAllMade = await fetchOutputs(this.#client, this.#id, this.#plan.outputs, record, signal)
      if (this.#flags.rm === true) await this.#client.executions.remove(this.#id, { signal })
      return areAllMade
    } catch (error) {
      signal.throwIfAborted()
      this.#report(error)
      if (this.#flags.json !== true && this.#flags.local !== true) this.#tell(`it is kept: errand outputs ${this.#id}`)
      return false
    }
  }

  #tellOf({ warnings, reason, message }: ExecutionView): void {
    for (const warning of warnings) this.#tell(warning)
    if (reason !== 'exit_nonzero' && message !== '') this.#tell(message)
  }

  readonly #onAsked = (): void => {
    if (this.#interrupts.left.aborted) return
    const what = this.#flags.local === true ? 'kill it' : 'leave it running'
    if (this.#terminal.stderr.isTTY) this.#tell(`cancelling; press Ctrl-C again to ${what}`)
    if (this.#isAccepted) this.#background.add(this.#cancel(this.#interrupts.left))
  }

  /** Asked kindly; how it ends is told as for any other. Never rejects. */
  async #cancel(until: AbortSignal): Promise<void> {
    const signal = AbortSignal.any([until, this.#over.signal])
    await cancelRun(this.#client, this.#id, signal).catch((error: unknown) => this.#report(error))
  }

  #tellDetached(record: ExecutionView): number {
    this.#status.clear()
    if (this.#flags.json === true) printJson(this.#terminal.stdout, record)
    else this.#terminal.stdout.write(`${this.#id}\n`)
    return RUN_EXIT.ok
  }

  #tellLeft(): number {
    const { left, status } = this.#interrupts
    const text = this.#isAccepted ? 'left running: errand logs -f' : 'left; whether it runs, says errand inspect'
    // What runs in this process is not left: its owner ends it.
    if (this.#flags.local !== true) this.#tell(`${text} ${this.#id}`)
    else if (ErrandError.from(left.reason).code !== 'cancelled') this.#report(left.reason)
    return status
  }

  #report(error: unknown): void {
    this.#status.clear()
    this.#terminal.stderr.write(describeFailure(error, { json: this.#flags.json === true }).text)
  }

  #tell(text: string): void {
    this.#status.clear()
    this.#terminal.stderr.write(`errand: ${neutralize(text)}\n`)
  }
}

/** Whether the node may have done what its answer did not tell of. */
function mayHaveArrived(error: unknown): boolean {
  return error instanceof ErrandError && error.details.mayHaveArrived === true
}
