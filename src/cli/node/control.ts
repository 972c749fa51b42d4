import type { ErrandClient, NodeView } from '../../client/client.ts'
import { clientClock } from '../../client/client-clock.ts'
import { sleep } from '../../core/wait.ts'
import type { ContextFlags } from '../context/resolve-context.ts'
import { readDuration } from '../flag-values.ts'
import { printJson } from '../output/json.ts'
import { neutralize } from '../output/neutralize.ts'
import { StatusLine } from '../run/status-line.ts'
import { StopSignals } from '../stop-signals.ts'
import type { Terminal } from '../terminal.ts'
import { PATIENT, withClient } from '../with-client.ts'

export interface ControlFlags extends ContextFlags {
  readonly json?: boolean
}

export interface DrainFlags extends ControlFlags {
  readonly timeout?: string
}

const LOOK_MS = 500

/** Pauses or unpauses the node, and tells what it is then. */
export async function control(verb: 'pause' | 'unpause', flags: ControlFlags, terminal: Terminal): Promise<void> {
  using signals = new StopSignals(terminal.signals, terminal.stderr.isTTY)
  const view = await withClient(flags, terminal, ({ node }) => node[verb]({ signal: signals.signal }))
  tell(view, `is ${view.state}`, flags, terminal)
}

/** Refuses new work and waits until every execution that was accepted has ended, telling how much that is. @throws deadline_exceeded */
export async function drain(flags: DrainFlags, terminal: Terminal): Promise<void> {
  using signals = new StopSignals(terminal.signals, terminal.stderr.isTTY)
  const { signal } = signals
  const timeoutMs = flags.timeout === undefined ? {} : { timeoutMs: readDuration('--timeout', flags.timeout) }
  const view = await withClient(flags, terminal, async (client) => {
    // What cannot be reached, or may not be told, is said at once: what is patient would wait for it.
    await client.node.config({ signal })
    const over = new AbortController()
    const isTold = flags.json !== true
    const telling = isTold ? tellLeft(client, terminal, AbortSignal.any([signal, over.signal])) : Promise.resolve()
    try {
      return await client.node.drain({ ...PATIENT, ...timeoutMs, signal })
    } finally {
      over.abort()
      await telling
    }
  })
  const left = 'No execution is left; requests for later are kept. errand unpause lets it take work again.'
  tell(view, `is drained and ${view.state}. ${left}`, flags, terminal)
}

/** On a terminal in one line of its own, else in a line for each change. Only for people: what it fails with is of no account. */
async function tellLeft({ node }: ErrandClient, { stderr }: Terminal, signal: AbortSignal): Promise<void> {
  using status = new StatusLine(stderr)
  let told = ''
  try {
    for (;;) {
      const { executions } = await node.get({ ...PATIENT, signal })
      const text = describeLeft(executions)
      if (stderr.isTTY) status.show(text)
      else if (text !== told) stderr.write(`errand: ${text}\n`)
      told = text
      await sleep(clientClock, LOOK_MS, signal)
    }
  } catch {
    status.clear()
  }
}

function describeLeft({ running, waiting }: NodeView['executions']): string {
  if (running + waiting === 0) return 'draining: no execution is left'
  return `draining: ${running} running and ${waiting} waiting are left`
}

function tell(view: NodeView, text: string, { json }: ControlFlags, { stdout }: Terminal): void {
  if (json === true) printJson(stdout, view)
  else stdout.write(`${neutralize(view.node)} ${text}\n`)
}
