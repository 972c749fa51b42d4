import { ensureImage } from '../../examples/tasks/offline/sample-images.ts'
import type { BenchContext, Measurement, Row } from '../measurement.ts'
import type { Address } from '../support/address.ts'
import { Connection } from '../support/connection.ts'
import { latestEndpoint, startDaemon } from '../support/daemon.ts'
import { pinContainerOf } from '../support/engine-api.ts'
import { startNaiveProxy } from '../support/naive-proxy-process.ts'
import { type PacedLoad, paced, unpaced } from '../support/paced-load.ts'
import { defineTask, invocationBody, invoke, PASSED_THROUGH, post, STRAIGHT } from '../support/requests.ts'
import { interleave, median, pairwise, spread } from '../support/statistics.ts'
import { CORES } from '../support/wrk.ts'

const CONNECTIONS = 16
const SIZE = { cpu: 1, mem: 64 }

/** What invocations cost above the same requests sent to their instance directly while the daemon has half as much to do as it can. */
export const halfLoad: Row = {
  name: 'P2',
  title: 'p99 added to warm invocations, 16 connections at half load',
  async measure(context) {
    const image = await ensureImage('static-nginx')
    const body = invocationBody(image, SIZE)
    const meca = { bytes: post(body), warmUp: (through: Connection) => invoke(through, body) }
    const v1 = { bytes: PASSED_THROUGH, warmUp: (through: Connection) => defineTask(through, image, SIZE) }
    return [await compare(context, 'meca', meca), await compare(context, 'v1', v1)]
  },
}

interface Invocation {
  readonly bytes: Buffer
  readonly warmUp: (through: Connection) => Promise<unknown>
}

async function compare(context: BenchContext, face: string, { bytes, warmUp }: Invocation): Promise<Measurement> {
  const { dist, isQuick, signal } = context
  context.say(`${face}, unix sockets`)
  await using daemon = await startDaemon({ dist, cores: CORES.measured }, signal)
  using first = await Connection.open(daemon.unix, signal)
  await warmUp(first)
  const instance = await latestEndpoint(daemon, 1, signal)
  if (CORES.others !== undefined) await pinContainerOf(String(daemon.coldStarts[0]?.instance), CORES.others)
  await using proxy = await startNaiveProxy(instance, CORES.measured, signal)
  using straight = await openMany(instance, signal)
  using through = await openMany(daemon.unix, signal)
  using throughProxy = await openMany(proxy.unix, signal)

  const forMs = isQuick ? 500 : 3000
  // The machine may be slower in one pass than in another: half of what the daemon can do then.
  let rate = 0
  const run = async (passes: number) =>
    interleave(passes, {
      most: async () => {
        const most = await unpaced(through.all, bytes, forMs)
        rate = most.perSecond / 2
        return most
      },
      straight: () => paced(straight.all, STRAIGHT, rate, forMs),
      through: () => paced(through.all, bytes, rate, forMs),
      proxy: () => paced(throughProxy.all, STRAIGHT, rate, forMs),
    })
  await run(1)
  return summarize(face, await run(isQuick ? 2 : 5))
}

interface Many extends Disposable {
  readonly all: readonly Connection[]
}

async function openMany(address: Address, signal: AbortSignal): Promise<Many> {
  using opening = new DisposableStack()
  const all: Connection[] = []
  for (let count = 0; count < CONNECTIONS; count += 1) all.push(opening.use(await Connection.open(address, signal)))
  const held = opening.move()
  return { all, [Symbol.dispose]: () => held.dispose() }
}

type Arms = Readonly<Record<'most' | 'straight' | 'through' | 'proxy', readonly PacedLoad[]>>

function summarize(face: string, { most, straight, through, proxy }: Arms): Measurement {
  const p99s = (loads: readonly PacedLoad[]): number[] => loads.map(({ p99Ms }) => p99Ms)
  const rates = (loads: readonly PacedLoad[]): number[] => loads.map(({ perSecond }) => perSecond)
  const added = pairwise(p99s(through), p99s(straight), (a, b) => a - b)
  const naive = pairwise(p99s(proxy), p99s(straight), (a, b) => a - b)
  return {
    row: 'P2',
    what: `${face}, unix socket, p99 of 16 connections`,
    unit: 'ms',
    value: median(added),
    floor: { what: 'straight to the instance', value: median(p99s(straight)) },
    ratio: median(pairwise(p99s(through), p99s(straight), (a, b) => a / b)),
    spread: spread(added),
    bound: { of: 'value', sense: 'at most', must: 1, moonshot: 0.5 },
    notes: [
      `${median(rates(through)).toFixed(0)}/s, of the ${median(rates(most)).toFixed(0)}/s that 16 connections get at most`,
      `the naive proxy adds ${median(naive).toFixed(3)} ms at that rate`,
    ],
  }
}
