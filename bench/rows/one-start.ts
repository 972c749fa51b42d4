import { ensureImage } from '../../examples/tasks/offline/sample-images.ts'
import type { Row } from '../measurement.ts'
import { Connection } from '../support/connection.ts'
import { startDaemon } from '../support/daemon.ts'
import { invocationBody, invoke } from '../support/requests.ts'

const REQUESTS = 50

/** However many ask for a cold task at once, it is started once. */
export const oneStart: Row = {
  name: 'P10',
  title: `${REQUESTS} simultaneous requests for one cold task`,
  async measure({ dist, signal, say }) {
    const body = invocationBody(await ensureImage('static-nginx'), { cpu: 0.5, mem: 64 })
    await using daemon = await startDaemon({ dist, logLevel: 'debug' }, signal)
    using connections = new DisposableStack()
    const open = Array.from({ length: REQUESTS }, async () =>
      connections.use(await Connection.open(daemon.tcp, signal)),
    )
    const opened = await Promise.all(open)
    say(`${REQUESTS} requests`)
    const tookMs = await Promise.all(opened.map((connection) => invoke(connection, body)))
    // The daemon logs every step of an instance; the last one comes before its answers.
    await daemon.child.line((line) => line.msg === 'cold start', signal)
    const starts = daemon.child.lines.filter(({ to }) => to === 'creating').length
    return [
      {
        row: 'P10',
        what: `starts for ${REQUESTS} requests, unlimited concurrency`,
        unit: 'starts',
        value: starts,
        bound: { of: 'value', sense: 'exactly', must: 1 },
        notes: [`all answered within ${Math.max(...tookMs).toFixed(0)} ms`],
      },
    ]
  },
}
