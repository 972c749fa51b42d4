import { type ExecutionView, isTerminal } from '../../client/client.ts'
import { ErrandError } from '../../core/errors.ts'
import { readDuration } from '../flag-values.ts'
import { forEach, showId } from '../for-each.ts'
import type { Terminal } from '../terminal.ts'
import { PATIENT } from '../with-client.ts'
import type { CancelFlags, OneFlags, RemoveFlags } from './flags.ts'

const record = (view: ExecutionView): ExecutionView => view

/** Ends executions, and waits until they have unless that is not wanted. */
export async function cancel(
  ids: readonly string[],
  { grace, wait, ...flags }: CancelFlags,
  terminal: Terminal,
): Promise<void> {
  const graceMs = grace === undefined ? {} : { graceMs: readDuration('--grace', grace) }
  await forEach(ids, flags, terminal, {
    act: async ({ executions }, id, signal) => {
      const told = await executions.cancel(id, { ...graceMs, signal })
      return wait === false || isTerminal(told.status) ? told : executions.wait(id, { ...PATIENT, signal })
    },
    show: showId(flags, record),
  })
}

/** Freezes the processes of executions, or lets them go on. */
export async function freeze(
  verb: 'pause' | 'resume',
  ids: readonly string[],
  flags: OneFlags,
  terminal: Terminal,
): Promise<void> {
  await forEach(ids, flags, terminal, {
    act: ({ executions }, id, signal) => executions[verb](id, { signal }),
    show: showId(flags, record),
  })
}

/** Forgets executions that have ended; those that have not only where that is forced. */
export async function remove(
  ids: readonly string[],
  { force, ...flags }: RemoveFlags,
  terminal: Terminal,
): Promise<void> {
  await forEach(ids, flags, terminal, {
    act: async ({ executions }, id, signal) => {
      const { status } = await executions.get(id, { signal })
      if (!isTerminal(status) && force !== true) {
        throw new ErrandError('validation_failed', `${id} has not ended: it is ${status}; --force ends it`)
      }
      await executions.remove(id, { signal })
    },
    show: showId(flags, (_removed, id) => ({ removed: id })),
  })
}
