import type { JournalEvent } from '../../journal/journal.ts'
import type { ExecutionsApi } from '../../service/executions-api.ts'
import { abortable } from '../../util/abort.ts'

/** In place of events that are not kept any more. */
export const FORGOTTEN = 'forgotten'

/** Read at once. */
const BATCH = 256

/** A place in the sequence of events. `isEvent`: there was an event right there. */
interface Place {
  readonly seq: number
  readonly isEvent: boolean
}

/**
 * Events as they come, after `lastSeq`, or from now on. Holds a batch, however slow its reader is: what comes meanwhile
 * stays in the journal, and what that forgets is told. Ends by the signal alone. @throws signal.reason
 */
export async function* eventsSince(
  executions: Pick<ExecutionsApi, 'events' | 'onEvent'>,
  lastSeq: number | undefined,
  signal: AbortSignal,
): AsyncGenerator<JournalEvent | typeof FORGOTTEN, never, undefined> {
  let place: Place | undefined = lastSeq === undefined ? undefined : { seq: lastSeq, isEvent: lastSeq > 0 }
  let wake = Promise.withResolvers<void>()
  using _listening = executions.onEvent(({ seq }) => {
    place ??= { seq: seq - 1, isEvent: false }
    wake.resolve()
  })
  for (;;) {
    const from: Place | undefined = place
    if (from !== undefined) {
      const { events, isComplete } = await eventsAfter(executions, from)
      signal.throwIfAborted()
      const last = events.at(-1)
      if (last !== undefined) place = { seq: last.seq, isEvent: true }
      // It counts from elsewhere now: from here on, what comes.
      else if (!isComplete) place = undefined
      if (!isComplete) yield FORGOTTEN
      yield* events
      if (last !== undefined) continue
    }
    await abortable(wake.promise, signal)
    // Before the next look, so that what comes after it wakes again.
    wake = Promise.withResolvers()
  }
}

/** Old events are forgotten in their order: as long as one is kept, all that came after it are. */
async function eventsAfter(
  executions: Pick<ExecutionsApi, 'events'>,
  { seq, isEvent }: Place,
): Promise<{ readonly events: readonly JournalEvent[]; readonly isComplete: boolean }> {
  if (!isEvent) return { events: await executions.events(seq, BATCH), isComplete: true }
  const [first, ...rest] = await executions.events(seq - 1, BATCH + 1)
  if (first === undefined) return { events: [], isComplete: false }
  return first.seq === seq ? { events: rest, isComplete: true } : { events: [first, ...rest], isComplete: false }
}
