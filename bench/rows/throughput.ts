import { ensureImage } from '../../examples/tasks/offline/sample-images.ts'
import type { BenchContext, Measurement, Row } from '../measurement.ts'
import { Connection } from '../support/connection.ts'
import { type BenchDaemon, createToken, latestEndpoint, startDaemon } from '../support/daemon.ts'
import { pinContainerOf } from '../support/engine-api.ts'
import { startNaiveProxy } from '../support/naive-proxy-process.ts'
import { defineTask, INPUT, INVOKE_PATH, invocationBody, invoke } from '../support/requests.ts'
import { interleave, median, pairwise, spread } from '../support/statistics.ts'
import { assertWrk, CORES, type Load, type LoadRequest, load } from '../support/wrk.ts'

/** Warm invocations per second of one daemon process against a plain proxy in front of the same instance. */
export const throughput: Row = {
  name: 'P3',
  title: 'warm invocations per second, 64 connections, 25-byte bodies',
  async measure(context) {
    await assertWrk()
    return [await compare(context, 'meca', warmOnMeca), await compare(context, 'v1 by token', warmOnV1)]
  },
}

/** Has an instance started; answers with how it is asked. @throws unless it has answered */
type WarmUp = (daemon: BenchDaemon, connection: Connection, context: BenchContext) => Promise<LoadRequest>

const SIZE = { cpu: 1, mem: 64 }

async function warmOnMeca(_daemon: BenchDaemon, connection: Connection): Promise<LoadRequest> {
  const body = invocationBody(await ensureImage('static-nginx'), SIZE)
  await invoke(connection, body)
  return { body }
}

/** Callers over TCP prove with each request who they are. */
async function warmOnV1(daemon: BenchDaemon, connection: Connection, { dist }: BenchContext): Promise<LoadRequest> {
  const authorization = `Bearer ${await createToken(dist, daemon.stateDir)}`
  await defineTask(connection, await ensureImage('static-nginx'), SIZE, [`authorization: ${authorization}`])
  return { body: INPUT, path: INVOKE_PATH, authorization }
}

async function compare(context: BenchContext, face: string, warmUp: WarmUp): Promise<Measurement> {
  const { dist, isQuick, signal } = context
  context.say(`${face} over TCP, instance on a unix socket`)
  await using daemon = await startDaemon({ dist, cores: CORES.measured }, signal)
  using connection = await Connection.open(daemon.tcp, signal)
  const request = await warmUp(daemon, connection, context)
  const instance = await latestEndpoint(daemon, 1, signal)
  if (CORES.others !== undefined) await pinContainerOf(String(daemon.coldStarts[0]?.instance), CORES.others)
  await using proxy = await startNaiveProxy(instance, CORES.measured, signal)

  const seconds = isQuick ? 1 : 4
  const run = (passes: number): Promise<Record<'naive' | 'errand', Load[]>> =>
    interleave(passes, {
      naive: () => load(proxy.tcp, proxy.pid, { body: INPUT }, seconds, signal),
      errand: () => load(daemon.tcp, daemon.child.pid, request, seconds, signal),
    })
  await run(1)
  const passes = await run(isQuick ? 2 : 5)
  // wrk sees statuses only, and on the MECA face a failure answers 200: had something gone wrong, it would still.
  await warmUp(daemon, connection, context)
  return summarize(face, passes)
}

function summarize(face: string, { naive, errand }: Record<'naive' | 'errand', Load[]>): Measurement {
  const rates = (loads: Load[]): number[] => loads.map(({ perSecond }) => perSecond)
  const of = (loads: Load[], pick: (load: Load) => number): string => median(loads.map(pick)).toFixed(3)
  const ratios = pairwise(rates(errand), rates(naive), (a, b) => a / b)
  return {
    row: 'P3',
    what: `${face}, TCP to a unix-socket instance`,
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
