import { ensureImage } from '../../examples/tasks/offline/sample-images.ts'
import type { Measurement, Row } from '../measurement.ts'
import { Connection } from '../support/connection.ts'
import { type BenchDaemon, latestEndpoint, startDaemon } from '../support/daemon.ts'
import { invocationBody, invoke, post, STRAIGHT } from '../support/requests.ts'
import { median, pairwise, percentile, spread } from '../support/statistics.ts'

const PACE_MS = 2

/** p99 of requests sent at a steady pace, through the daemon and, between them, straight to the same instance. */
interface Paced {
  readonly through: number
  readonly straight: number
}

/** What a burst of cold starts does to a task that is warm already. */
export const burst: Row = {
  name: 'P11',
  title: 'warm p99 beside a burst of cold starts',
  async measure({ dist, isQuick, signal, say }) {
    const image = await ensureImage('static-nginx')
    const starts = isQuick ? 8 : 24
    const quiet: Paced[] = []
    const busy: Paced[] = []
    await using daemon = await startDaemon({ dist, settings: ['resources.cpuOvercommit=8'] }, signal)
    for (let pass = 0; pass < (isQuick ? 1 : 3); pass += 1) {
      say(`pass ${pass + 1}`)
      using warm = await warmUp(daemon, image, signal)
      const rest = AbortSignal.timeout(isQuick ? 1000 : 4000)
      quiet.push(await pace(warm, () => rest.aborted))
      let isOver = false
      const starting = startMany(daemon, image, starts, signal).finally(() => {
        isOver = true
      })
      const [paced] = await Promise.all([pace(warm, () => isOver), starting])
      busy.push(paced)
      await empty(daemon, signal)
    }
    return [summarize(starts, quiet, busy)]
  },
}

interface WarmTask extends Disposable {
  readonly through: Connection
  readonly straight: Connection
  readonly message: Buffer
}

async function warmUp(daemon: BenchDaemon, image: string, signal: AbortSignal): Promise<WarmTask> {
  using held = new DisposableStack()
  const through = held.use(await Connection.open(daemon.tcp, signal))
  const body = invocationBody(image, { cpu: 0.1, mem: 64 })
  const before = daemon.coldStarts.length
  await invoke(through, body)
  const endpoint = await latestEndpoint(daemon, before + 1, signal)
  const straight = held.use(await Connection.open(endpoint, signal))
  const kept = held.move()
  return { through, straight, message: post(body), [Symbol.dispose]: () => kept.dispose() }
}

async function pace({ through, straight, message }: WarmTask, isOver: () => boolean): Promise<Paced> {
  const tookMs = { through: [] as number[], straight: [] as number[] }
  while (!isOver()) {
    tookMs.through.push((await through.request(message)).tookMs)
    tookMs.straight.push((await straight.request(STRAIGHT)).tookMs)
    await new Promise((resolve) => setTimeout(resolve, PACE_MS))
  }
  return { through: percentile(tookMs.through, 99), straight: percentile(tookMs.straight, 99) }
}

/** Distinct tasks: the same image with other resources. */
async function startMany(daemon: BenchDaemon, image: string, count: number, signal: AbortSignal): Promise<void> {
  await Promise.all(
    Array.from({ length: count }, async (_, index) => {
      using connection = await Connection.open(daemon.tcp, signal)
      await invoke(connection, invocationBody(image, { cpu: 0.1, mem: 65 + index }))
    }),
  )
}

/** Pausing removes every instance. */
async function empty(daemon: BenchDaemon, signal: AbortSignal): Promise<void> {
  using connection = await Connection.open(daemon.tcp, signal)
  await connection.request(post('', '/pause'))
  await connection.request(post('', '/unpause'))
}

function summarize(starts: number, quiet: readonly Paced[], busy: readonly Paced[]): Measurement {
  const through = (paced: readonly Paced[]): number[] => paced.map((each) => each.through)
  const straight = (paced: readonly Paced[]): number[] => paced.map((each) => each.straight)
  const ratios = pairwise(through(busy), through(quiet), (a, b) => a / b)
  const floor = pairwise(straight(busy), straight(quiet), (a, b) => a / b)
  return {
    row: 'P11',
    what: `warm p99 during ${starts} cold starts of other tasks`,
    unit: 'ms',
    value: median(through(busy)),
    floor: { what: 'quiet', value: median(through(quiet)) },
    ratio: median(ratios),
    spread: spread(ratios),
    bound: { of: 'ratio', sense: 'at most', must: 3, moonshot: 1.5 },
    notes: [
      `straight to the instance: ${median(straight(busy)).toFixed(2)} against ${median(straight(quiet)).toFixed(2)} ms, ${median(floor).toFixed(1)}x`,
    ],
  }
}
