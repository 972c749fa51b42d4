import { ensureImage } from '../../examples/tasks/offline/sample-images.ts'
import type { Measurement, Row } from '../measurement.ts'
import type { ProbeReport } from '../probe.ts'
import { Connection, timeRequests } from '../support/connection.ts'
import { startDaemon, withProbe } from '../support/daemon.ts'
import { invocationBody, invoke, post } from '../support/requests.ts'

/**
 * The one tick for all deadlines, the one for all keep-alives (`core/deadlines.ts`) and the watch over the event loop
 * (`daemon/loop-watch.ts`) fire at most this often.
 */
const TICKS_PER_MS = 3 / 250

/** In one and in many. */
const UNWANTED = {
  'engine call': 'engine calls',
  'file access': 'file accesses',
  'name look-up': 'name look-ups',
  connection: 'new connections',
  'child process': 'child processes',
  timer: 'timers',
}

/** What the daemon asks of the system to answer a warm invocation: nothing. */
export const warmPathCalls: Row = {
  name: 'P4',
  title: 'calls made for a warm invocation',
  async measure({ dist, isQuick, signal, say }) {
    const body = invocationBody(await ensureImage('static-nginx'), { cpu: 1, mem: 64 })
    await using daemon = await startDaemon({ dist, ...withProbe() }, signal)
    using connection = await Connection.open(daemon.tcp, signal)
    say('counting')
    await invoke(connection, body)
    await daemon.child.ask('count', signal)
    await timeRequests(connection, post(body), 100)
    const count = isQuick ? 200 : 2000
    await daemon.child.ask('begin', signal)
    const startedMs = performance.now()
    await timeRequests(connection, post(body), count)
    const elapsedMs = performance.now() - startedMs
    const { counts } = (await daemon.child.ask('report', signal)) as ProbeReport
    return Object.entries(UNWANTED).map(([kind, name]) => summarize(kind, name, counts, count, elapsedMs))
  },
}

function summarize(
  kind: string,
  name: string,
  counts: ProbeReport['counts'],
  invocations: number,
  elapsedMs: number,
): Measurement {
  const ours = counts[`${kind} of ours`] ?? 0
  const theirs = Object.entries(counts).filter(([name]) => name.startsWith(kind) && !name.endsWith('of ours'))
  const ticks = kind === 'timer' ? Math.ceil(elapsedMs * TICKS_PER_MS) + 2 : 0
  const perInvocation = Math.max(0, ours - ticks) / invocations
  return {
    row: 'P4',
    what: `${name} by our code`,
    unit: 'calls',
    value: perInvocation,
    bound: { of: 'value', sense: 'exactly', must: 0 },
    notes: [
      `${ours} in ${invocations} invocations`,
      ...(kind === 'timer' ? [`of which up to ${ticks} are ticks that no request adds to`] : []),
      ...theirs.map(([asked, times]) => `${asked}: ${times}`),
    ],
  }
}
