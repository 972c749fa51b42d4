import { ErrandClient } from '../../client/client.ts'
import { ErrandError } from '../../core/errors.ts'
import { randomId } from '../../core/ids.ts'
import { abortable } from '../../util/abort.ts'
import { describeFailure } from '../failure.ts'
import type { OpenDaemon } from '../serve.ts'
import type { Terminal } from '../terminal.ts'
import { withClient } from '../with-client.ts'
import { checkPlaces } from './check-places.ts'
import { FateUnknown } from './fate-unknown.ts'
import { ForegroundRun } from './foreground-run.ts'
import { Interrupts } from './interrupts.ts'
import { openLocal } from './local-daemon.ts'
import type { RunFlags } from './run-flags.ts'
import { planRun, type RunPlan } from './run-request.ts'
import { RUN_EXIT } from './run-status.ts'

/**
 * Submits an execution, shows its output as it comes, and resolves with the exit status that it comes to: 125 for whatever
 * kept it from running, 75 where that cannot be known. Never rejects.
 */
export async function run(
  image: string | undefined,
  command: readonly string[],
  flags: RunFlags,
  openDaemon: OpenDaemon,
  terminal: Terminal,
): Promise<number> {
  using interrupts = new Interrupts(terminal, { ownsWork: flags.local === true })
  try {
    assertStays(flags)
    const { host, stdin } = terminal
    const given = { shell: host.environment, stdin, cwd: process.cwd(), newId: randomId() }
    const plan = await abortable(planRun(image, command, flags, given), interrupts.asked) // stdin may never end
    await checkPlaces(flags.detach === true ? { ...plan, outputs: [] } : plan)
    if (flags.local === true) return await runLocally(plan, flags, openDaemon, terminal, interrupts)
    return await withClient(flags, terminal, (client) =>
      new ForegroundRun({ client, plan, flags, terminal, interrupts }).run(),
    )
  } catch (error) {
    if (interrupts.asked.aborted && ErrandError.from(error).code === 'cancelled') return interrupts.status
    terminal.stderr.write(describeFailure(error, { json: flags.json === true }).text)
    return error instanceof FateUnknown ? RUN_EXIT.lost : RUN_EXIT.failed
  }
}

/** @throws validation_failed for what is asked for after the end by a command that is not there then */
function assertStays({ detach, local, rm, output = [] }: RunFlags): void {
  if (detach !== true) return
  const refuse = (what: string, why: string): never => {
    throw new ErrandError('validation_failed', `${what} and --detach: ${why}`)
  }
  if (local === true) refuse('--local', 'nothing would be left to run it')
  if (rm === true) refuse('--rm', 'nothing would be left to remove it: errand rm does, or --retention says when')
  const placed = output.find((text) => text.includes(':'))
  if (placed !== undefined) refuse(`--output ${placed}`, 'nothing would be left to bring it there: errand outputs does')
}

async function runLocally(
  plan: RunPlan,
  flags: RunFlags,
  openDaemon: OpenDaemon,
  terminal: Terminal,
  interrupts: Interrupts,
): Promise<number> {
  await using local = await openLocal(openDaemon, terminal, interrupts.asked)
  await using client = new ErrandClient({ url: local.url, patienceMs: 0 })
  return await new ForegroundRun({ client, plan, flags, terminal, interrupts }).run()
}
