import type { ErrandClient } from '../client/client.ts'
import type { WaitOptions } from '../client/long-poll.ts'
import { EXIT } from './exit-status.ts'
import { readDuration } from './flag-values.ts'
import { type EachFlags, forEach } from './for-each.ts'
import { jsonDocuments } from './output/json.ts'
import { neutralize } from './output/neutralize.ts'
import type { Terminal } from './terminal.ts'
import { PATIENT } from './with-client.ts'

export interface WaitFlags extends EachFlags {
  readonly timeout?: string
}

/** What can be waited for, and what its end means. */
interface Waited<View> {
  readonly of: (client: ErrandClient) => {
    get(id: string, options: { readonly signal: AbortSignal }): Promise<View>
    wait(id: string, options: WaitOptions): Promise<View>
  }
  readonly statusOf: (view: View) => number
  /** A few words for people. */
  readonly describe: (view: View) => string
}

/** Waits until all have ended. Resolves with the exit status of the first in their order that did not end well, else 0. */
export async function waitForEach<View extends { readonly id: string }>(
  ids: readonly string[],
  { timeout, ...flags }: WaitFlags,
  terminal: Terminal,
  { of, statusOf, describe }: Waited<View>,
): Promise<number> {
  const timeoutMs = timeout === undefined ? {} : { timeoutMs: readDuration('--timeout', timeout) }
  const statuses: number[] = []
  await forEach<View>(ids, flags, terminal, {
    act: async (client, id, signal) => {
      const kind = of(client)
      // What is not there, or cannot be reached, is told at once: what is patient would wait for it.
      await kind.get(id, { signal })
      return kind.wait(id, { ...PATIENT, ...timeoutMs, signal })
    },
    show: (view) => {
      statuses.push(statusOf(view))
      if (flags.json === true) return jsonDocuments(view, ids.length)
      return ids.length === 1 ? '' : `${neutralize(`${view.id}  ${describe(view)}`)}\n`
    },
  })
  return statuses.find((status) => status !== EXIT.ok) ?? EXIT.ok
}
