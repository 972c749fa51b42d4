import { ensureImage } from '../../examples/tasks/offline/sample-images.ts'
import type { Measurement, Row } from '../measurement.ts'
import type { EngineCall, ProbeReport } from '../probe.ts'
import { epochOffsetMs, monotonicMs } from '../support/clock.ts'
import { Connection } from '../support/connection.ts'
import { type BenchDaemon, latestEndpoint, startDaemon, withProbe } from '../support/daemon.ts'
import { containerName, EngineByHand, printedAt } from '../support/engine-api.ts'
import { invocationBody, invoke } from '../support/requests.ts'
import { interleave, median, pairwise, percentile, spread } from '../support/statistics.ts'

/** Where the time of one cold start went, in milliseconds. */
interface Breakdown {
  readonly total: number
  /** Until the engine was asked to create: request, image, admission. */
  readonly before: number
  readonly create: number
  /** Between the engine's two answers: attaching to its output. */
  readonly between: number
  readonly start: number
  /** From the engine's answer until the task printed its mark; zero when it was faster. */
  readonly boot: number
  /** From then on: noticing, dialling, the first exchange. */
  readonly after: number
}

/** A cold start's time that is neither the engine's nor the task's; and all of it against the Engine's own API. */
export const coldStart: Row = {
  name: 'P6',
  title: "the daemon's own share of a cold start",
  async measure({ dist, isQuick, signal, say }) {
    const image = await ensureImage('static-nginx')
    await using engine = await EngineByHand.open()
    await using daemon = await startDaemon({ dist, ...withProbe(), settings: ['resources.cpuOvercommit=8'] }, signal)
    let starts = 0
    const passes = await interleave(isQuick ? 4 : 16, {
      byHand: () => engine.coldStart(image, signal),
      errand: async () => {
        starts += 1
        say(`cold start ${starts}`)
        return measureOne(daemon, image, starts, signal)
      },
    })
    // The first of each pays for code and caches that the others find warm.
    return summarize(passes.errand.slice(1), passes.byHand.slice(1))
  },
}

/** Every start is of another task: the same image with other resources. */
async function measureOne(daemon: BenchDaemon, image: string, starts: number, signal: AbortSignal): Promise<Breakdown> {
  const offset = epochOffsetMs()
  using connection = await Connection.open(daemon.tcp, signal)
  await daemon.child.ask('begin', signal)
  const sentAt = monotonicMs()
  const total = await invoke(connection, invocationBody(image, { cpu: 0.5, mem: 64 + starts }))
  await latestEndpoint(daemon, starts, signal)
  const { engineCalls } = (await daemon.child.ask('report', signal)) as ProbeReport
  const instance = String(daemon.coldStarts.at(-1)?.instance)
  const markAt = (await printedAt(containerName(instance), 'meca-init-done')) - offset
  const create = findCall(engineCalls, /^POST .*\/containers\/create/)
  const start = findCall(engineCalls, /^POST .*\/start$/)
  const bootedAt = Math.max(markAt, start.endedAt)
  return {
    total,
    before: create.beganAt - sentAt,
    create: create.endedAt - create.beganAt,
    between: start.beganAt - create.endedAt,
    start: start.endedAt - start.beganAt,
    boot: bootedAt - start.endedAt,
    after: sentAt + total - bootedAt,
  }
}

function findCall(calls: readonly EngineCall[], pattern: RegExp): Required<EngineCall> {
  const call = calls.find(({ call }) => pattern.test(call))
  if (call?.endedAt === undefined) throw new Error(`the daemon made no call ${pattern}`)
  return { ...call, endedAt: call.endedAt }
}

function summarize(starts: readonly Breakdown[], byHand: readonly number[]): Measurement[] {
  const own = starts.map(({ before, between, after }) => before + between + after)
  const totals = starts.map(({ total }) => total)
  const of = (part: keyof Breakdown): string => `${part} ${median(starts.map((each) => each[part])).toFixed(1)}`
  const ratios = pairwise(totals, byHand, (a, b) => a / b)
  return [
    {
      row: 'P6',
      what: 'own share, static-nginx, standard profile',
      unit: 'ms',
      value: median(own),
      floor: { what: 'engine create + start, boot of the task', value: median(pairwise(totals, own, (a, b) => a - b)) },
      spread: spread(own),
      bound: { of: 'value', sense: 'at most', must: 5, moonshot: 2 },
      notes: [
        `p50 ms: ${of('before')}, ${of('create')}, ${of('between')}, ${of('start')}, ${of('boot')}, ${of('after')}`,
        `p90 of the own share ${percentile(own, 90).toFixed(1)} ms`,
      ],
    },
    {
      row: 'P5',
      what: 'whole cold start, static-nginx (for information)',
      unit: 'ms',
      value: median(totals),
      floor: { what: 'Engine API: create, start, first answer', value: median(byHand) },
      ratio: median(ratios),
      spread: spread(ratios),
    },
  ]
}
