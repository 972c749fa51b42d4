import type { ErrandClient, ExecutionView } from '../../client/client.ts'
import { clientClock } from '../../client/client-clock.ts'
import { ErrandError } from '../../core/errors.ts'
import { randomId } from '../../core/ids.ts'
import { sleep } from '../../core/wait.ts'
import { BackgroundWork } from '../../util/background-work.ts'
import { printJson } from '../output/json.ts'
import { neutralize } from '../output/neutralize.ts'
import type { OpenDaemon } from '../serve.ts'
import type { Terminal } from '../terminal.ts'
import { withClient } from '../with-client.ts'
import { Interrupts } from './interrupts.ts'
import { openLocal } from './local-daemon.ts'
import { printLogs } from './print-logs.ts'
import type { RunFlags } from './run-flags.ts'
import { planRun, type RunPlan } from './run-request.ts'
import { RUN_EXIT, runStatus } from './run-status.ts'
import { describeProgress, StatusLine } from './status-line.ts'
import { fetchOutputs, sendInputs } from './transfers.ts'

const LOOK_MS = 300
/** Once it is known to the node, an execution is worth waiting for. */
const PATIENT = { patienceMs: Infinity }

/** Submits an execution, shows its output as it comes, and resolves with the exit status that it comes to. */
export async function run(
  image: string,
  command: readonly string[],
  flags: RunFlags,
  openDaemon: OpenDaemon,
  terminal: Terminal,
): Promise<number> {
  const plan = planRun(image, command, flags, randomId(), process.cwd())
  if (flags.local !== true) return withClient(flags, terminal, (client) => new Run(client, plan, flags, terminal).run())
  if (flags.detach === true)
    throw new ErrandError('validation_failed', '--local and --detach: nothing would be left to run it')
  await using local = await openLocal(openDaemon, terminal)
  return await withClient({ host: local.url }, terminal, (client) => new Run(client, plan, flags, terminal).run())
}

class Run {
  readonly #client: ErrandClient
  readonly #plan: RunPlan
  readonly #flags: RunFlags
  readonly #terminal: Terminal
  readonly #status: StatusLine
  readonly #background = new BackgroundWork()
  readonly #id: string

  constructor(client: ErrandClient, plan: RunPlan, flags: RunFlags, terminal: Terminal) {
    this.#client = client
    this.#plan = plan
    this.#flags = flags
    this.#terminal = terminal
    this.#status = new StatusLine(terminal.stderr)
    this.#id = plan.body.id ?? ''
  }

  async run(): Promise<number> {
    const { executions } = this.#client
    using _status = this.#status
    using interrupts = new Interrupts(this.#terminal.signals, () => this.#background.add(this.#cancel()))
    try {
      this.#status.show('submitting')
      await executions.submit(this.#plan.body, { signal: interrupts.second })
      await this.#send(interrupts.second)
      if (this.#flags.detach === true) return this.#tellId()
      return await this.#follow(interrupts.second)
    } catch (error) {
      if (!interrupts.second.aborted) throw error
      return this.#tellDetached()
    } finally {
      await this.#background.idle()
    }
  }

  /** An execution whose inputs do not come would wait for them until its time in the queue is up. */
  async #send(signal: AbortSignal): Promise<void> {
    const { inputs } = this.#plan
    if (inputs.length === 0) return
    this.#status.show('sending inputs')
    try {
      await sendInputs(this.#client, this.#id, inputs, signal)
    } catch (error) {
      await this.#cancel()
      throw error
    }
  }

  async #follow(signal: AbortSignal): Promise<number> {
    const over = new AbortController()
    const looking = this.#showProgress(AbortSignal.any([signal, over.signal]))
    try {
      if (this.#flags.json !== true) await this.#print(signal)
      const record = await this.#client.executions.wait(this.#id, { ...PATIENT, signal })
      over.abort()
      await looking
      return await this.#settle(record, signal)
    } finally {
      over.abort()
      await looking
    }
  }

  async #print(signal: AbortSignal): Promise<void> {
    const options = { raw: this.#flags.raw, onLine: () => this.#status.clear() }
    await printLogs(this.#client, this.#id, { follow: true, ...PATIENT, signal }, options, this.#terminal)
  }

  /** Only for people, so that whatever goes wrong with it is of no account. */
  async #showProgress(signal: AbortSignal): Promise<void> {
    if (!this.#terminal.stderr.isTTY) return
    const { image = '' } = this.#plan.body.task ?? {}
    try {
      for (;;) {
        const record = await this.#client.executions.get(this.#id, { ...PATIENT, signal })
        const text = describeProgress(record, image)
        if (text === undefined) return this.#status.clear()
        this.#status.show(text)
        await sleep(clientClock, LOOK_MS, signal)
      }
    } catch {
      this.#status.clear()
    }
  }

  async #settle(record: ExecutionView, signal: AbortSignal): Promise<number> {
    const { stdout, stderr } = this.#terminal
    this.#status.clear()
    await fetchOutputs(this.#client, this.#id, this.#plan.outputs, record, signal)
    if (this.#flags.json === true) printJson(stdout, record)
    if (this.#flags.rm === true) await this.#client.executions.remove(this.#id, { signal })
    for (const warning of record.warnings) stderr.write(`errand: ${neutralize(warning)}\n`)
    const status = runStatus(record)
    if (record.reason !== 'exit_nonzero' && record.message !== '')
      stderr.write(`errand: ${neutralize(record.message)}\n`)
    return status
  }

  /** Asked once, kindly; how it ends is told as for any other. */
  async #cancel(): Promise<void> {
    const { executions } = this.#client
    if (this.#terminal.stderr.isTTY) this.#tell('cancelling; press Ctrl-C again to leave it running')
    await executions.cancel(this.#id, PATIENT).catch((error: unknown) => {
      const { code, message } = ErrandError.from(error)
      // It may have ended by itself, or not have begun.
      if (code !== 'already_ended' && code !== 'not_found') this.#tell(message)
    })
  }

  #tellId(): number {
    this.#status.clear()
    this.#terminal.stdout.write(`${this.#id}\n`)
    return RUN_EXIT.ok
  }

  #tellDetached(): number {
    this.#tell(`left running: errand logs -f ${this.#id}`)
    return RUN_EXIT.cancelled
  }

  #tell(text: string): void {
    this.#status.clear()
    this.#terminal.stderr.write(`errand: ${neutralize(text)}\n`)
  }
}
