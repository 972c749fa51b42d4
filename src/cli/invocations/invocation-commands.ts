import type { InvocationView } from '../../client/client.ts'
import { ErrandError } from '../../core/errors.ts'
import type { ContextFlags } from '../context/resolve-context.ts'
import { EXIT, EXIT_STATUS } from '../exit-status.ts'
import { forEach, showId } from '../for-each.ts'
import { type ListingFlags, printListing } from '../listing.ts'
import { describeFacts } from '../output/facts.ts'
import { jsonDocuments } from '../output/json.ts'
import { StopSignals } from '../stop-signals.ts'
import { type AnswerFlags, answerStatus, printAnswer } from '../tasks/print-answer.ts'
import type { Terminal } from '../terminal.ts'
import { type WaitFlags, waitForEach } from '../wait-for-each.ts'
import { withClient } from '../with-client.ts'
import { columnsAt, describeStatus, factsOf, isOver } from './describe-invocation.ts'

export interface InvocationFlags extends ContextFlags {
  readonly json?: boolean
}

/** Prints requests that are answered later, the youngest first. */
export async function listInvocations(flags: ContextFlags & ListingFlags, terminal: Terminal): Promise<void> {
  await withClient(flags, terminal, ({ invocations }) => {
    const rows = (limit: number) => invocations.list({ limit })
    return printListing({ rows, columns: columnsAt(Date.now()) }, flags, terminal)
  })
}

/** Prints records, for people unless JSON is asked for. */
export async function showInvocations(
  ids: readonly string[],
  flags: InvocationFlags,
  terminal: Terminal,
): Promise<void> {
  const [first] = ids
  await forEach(ids, flags, terminal, {
    act: ({ invocations }, id, signal) => invocations.get(id, { signal }),
    show: (view, id) => {
      if (flags.json === true) return jsonDocuments(view, ids.length)
      return (id === first ? '' : '\n') + describeFacts(factsOf(view, terminal.stdout), terminal.stdout)
    },
  })
}

/** Waits until all have ended. Resolves with the exit status of the first in their order that was not answered well. */
export function waitForInvocations(ids: readonly string[], flags: WaitFlags, terminal: Terminal): Promise<number> {
  return waitForEach(ids, flags, terminal, {
    of: ({ invocations }) => invocations,
    statusOf: endStatus,
    describe: describeStatus,
  })
}

/** Prints what the task has answered. Resolves with the exit status that its status means. */
export async function showResponse(id: string, flags: ContextFlags & AnswerFlags, terminal: Terminal): Promise<number> {
  using signals = new StopSignals(terminal.signals, terminal.stderr.isTTY)
  const { signal } = signals
  return await withClient(flags, terminal, async ({ invocations }) =>
    printAnswer(await invocations.response(id, { signal }), flags, terminal),
  )
}

/** Forgets requests that have ended, with their answers; those that have not only where that is forced. */
export async function removeInvocations(
  ids: readonly string[],
  { force, ...flags }: InvocationFlags & { readonly force?: boolean },
  terminal: Terminal,
): Promise<void> {
  await forEach(ids, flags, terminal, {
    act: async ({ invocations }, id, signal) => {
      const view = await invocations.get(id, { signal })
      if (!isOver(view) && force !== true) {
        throw new ErrandError('validation_failed', `${id} has not ended: it is ${view.status}; --force breaks it off`)
      }
      await invocations.remove(id, { signal })
    },
    show: showId(flags, (_removed, id) => ({ removed: id })),
  })
}

/** As `errand invoke` would have ended. */
function endStatus({ status, response, failure }: InvocationView): number {
  if (status === 'answered') return answerStatus(response?.status ?? 0)
  if (status === 'lost') return EXIT.tempFail
  return EXIT_STATUS[failure?.code ?? 'internal'] ?? EXIT.internal
}
