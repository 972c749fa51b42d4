import { ensureImage } from '../../examples/tasks/offline/sample-images.ts'
import type { Row } from '../measurement.ts'
import { Connection, timeRequests } from '../support/connection.ts'
import { type BenchDaemon, startDaemon } from '../support/daemon.ts'
import { invocationBody, post } from '../support/requests.ts'
import { interleave, median, percentile, spread } from '../support/statistics.ts'

const QUEUE_LIMIT = 100
const HEALTH = Buffer.from('GET /health HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n')

/** How long it takes to be told that the queue is full. */
export const refusal: Row = {
  name: 'P14',
  title: 'refusal when the queue is full',
  async measure({ dist, isQuick, signal, say }) {
    const message = post(invocationBody(await ensureImage('never-ready'), { cpu: 0.1, mem: 64 }))
    await using daemon = await startDaemon({ dist, settings: [`tasks.queueLimit=${QUEUE_LIMIT}`] }, signal)
    using full = await fill(daemon, message, signal)
    say(`${QUEUE_LIMIT} requests wait`)
    const count = isQuick ? 500 : 5000
    const time = async (asked: Buffer): Promise<number> => percentile(await timeRequests(full.caller, asked, count), 99)
    const times = await interleave(isQuick ? 1 : 5, { refused: () => time(message), healthy: () => time(HEALTH) })
    return [
      {
        row: 'P14',
        what: 'refusal with queue_full, p99',
        unit: 'ms',
        value: median(times.refused),
        floor: { what: '/health', value: median(times.healthy) },
        ratio: median(times.refused) / median(times.healthy),
        spread: spread(times.refused),
        bound: { of: 'value', sense: 'at most', must: 1 },
      },
    ]
  },
}

/** Full for as long as this is not disposed. */
interface FullQueue extends Disposable {
  /** Whom the daemon refuses. */
  readonly caller: Connection
}

async function fill(daemon: BenchDaemon, message: Buffer, signal: AbortSignal): Promise<FullQueue> {
  using held = new DisposableStack()
  const asked: Promise<unknown>[] = []
  for (let index = 0; index <= QUEUE_LIMIT; index += 1) {
    const connection = held.use(await Connection.open(daemon.tcp, signal))
    asked.push(connection.request(message))
  }
  // One too many: the first answer is a refusal. The others are never answered, they are disposed while they wait.
  await Promise.race(asked)
  for (const waiting of asked) waiting.catch(() => {})
  const caller = held.use(await Connection.open(daemon.tcp, signal))
  const kept = held.move()
  return { caller, [Symbol.dispose]: () => kept.dispose() }
}
