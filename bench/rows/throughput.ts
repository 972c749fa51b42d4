import { ensureImage } from '../../examples/tasks/offline/sample-images.ts'
import type { BenchContext, Measurement, Row } from '../measurement.ts'
import { Connection } from '../support/connection.ts'
import { latestEndpoint, startDaemon } from '../support/daemon.ts'
import { pinContainerOf } from '../support/engine-api.ts'
import { startNaiveProxy } from '../support/naive-proxy-process.ts'
import { INPUT, invocationBody, invoke } from '../support/requests.ts'
import { interleave, median, pairwise, spread } from '../support/statistics.ts'
import { assertWrk, CORES, type Load, load } from '../support/wrk.ts'

/** Warm invocations per second of one daemon process against a plain proxy in front of the same instance. */
export const throughput: Row = {
  name: 'P3',
  title: 'warm invocations per second, 64 connections, 25-byte bodies',
  async measure(context) {
    await assertWrk()
    return [await compare(context)]
  },
}

async function compare(context: BenchContext): Promise<Measurement> {
  const { dist, isQuick, signal } = context
  context.say('meca over TCP, instance on a unix socket')
  const body = invocationBody(await ensureImage('static-nginx'), { cpu: 1, mem: 64 })
  await using daemon = await startDaemon({ dist, cores: CORES.measured }, signal)
  using connection = await Connection.open(daemon.tcp, signal)
  await invoke(connection, body)
  const instance = await latestEndpoint(daemon, 1, signal)
  if (CORES.others !== undefined) await pinContainerOf(String(daemon.coldStarts[0]?.instance), CORES.others)
  await using proxy = await startNaiveProxy(instance, CORES.measured, signal)

  const seconds = isQuick ? 1 : 4
  const run = (passes: number): Promise<Record<'naive' | 'errand', Load[]>> =>
    interleave(passes, {
      naive: () => load(proxy.tcp, proxy.pid, INPUT, seconds, signal),
      errand: () => load(daemon.tcp, daemon.child.pid, body, seconds, signal),
    })
  await run(1)
  const passes = await run(isQuick ? 2 : 5)
  // wrk sees statuses only, and a failure answers 200: had something gone wrong, it would still.
  await invoke(connection, body)
  return summarize(passes)
}

function summarize({ naive, errand }: Record<'naive' | 'errand', Load[]>): Measurement {
  const rates = (loads: Load[]): number[] => loads.map(({ perSecond }) => perSecond)
  const of = (loads: Load[], pick: (load: Load) => number): string => median(loads.map(pick)).toFixed(3)
  const ratios = pairwise(rates(errand), rates(naive), (a, b) => a / b)
  return {
    row: 'P3',
    what: 'meca, TCP to a unix-socket instance',
    unit: '/s',
    value: median(rates(errand)),
    floor: { what: 'naive proxy', value: median(rates(naive)) },
    ratio: median(ratios),
    spread: spread(ratios),
    bound: { of: 'ratio', sense: 'at least', must: 1.6, moonshot: 2.5 },
    notes: [
      `p50 ${of(errand, (l) => l.p50Ms)} ms, p99 ${of(errand, (l) => l.p99Ms)} ms (naive ${of(naive, (l) => l.p50Ms)}, ${of(naive, (l) => l.p99Ms)})`,
      `CPU per 1,000 requests ${of(errand, (l) => l.cpuPerThousand)} s (naive ${of(naive, (l) => l.cpuPerThousand)} s)`,
    ],
  }
}
