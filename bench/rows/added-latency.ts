import { join } from 'node:path'
import { ensureImage } from '../../examples/tasks/offline/sample-images.ts'
import type { BenchContext, Measurement, Row } from '../measurement.ts'
import { type Address, formatAddress } from '../support/address.ts'
import { Child } from '../support/child.ts'
import { Connection, timeRequests } from '../support/connection.ts'
import { type BenchDaemon, latestEndpoint, startDaemon } from '../support/daemon.ts'
import { startNaiveProxy } from '../support/naive-proxy-process.ts'
import { defineTask, invocationBody, invoke, PASSED_THROUGH, post, STRAIGHT } from '../support/requests.ts'
import { interleave, median, pairwise, percentile, spread } from '../support/statistics.ts'

const SIZE = { cpu: 1, mem: 64 }
const SERVER = join(import.meta.dirname, '../loopback-server.ts')
const FAKE = join(import.meta.dirname, '../fake-engine-daemon.ts')

/** What an invocation of a warm task costs above the same request sent to its instance directly. */
export const addedLatency: Row = {
  name: 'P1',
  title: 'latency added to a warm invocation, 1 connection',
  async measure(context) {
    return [
      await overUnixSockets(context, 'static-nginx'),
      await overUnixSockets(context, 'echo-socket'),
      await passedThrough(context, 'static-nginx'),
      await overTcp(context),
    ]
  },
}

async function overUnixSockets(context: BenchContext, sample: 'static-nginx' | 'echo-socket'): Promise<Measurement> {
  const image = await ensureImage(sample)
  await using daemon = await startDaemon(context, context.signal)
  return await compare(context, `meca, unix socket, ${sample}`, daemon, daemon.unix, mecaInvocation(image))
}

async function passedThrough(context: BenchContext, sample: 'static-nginx'): Promise<Measurement> {
  const image = await ensureImage(sample)
  await using daemon = await startDaemon(context, context.signal)
  const invocation = { bytes: PASSED_THROUGH, warmUp: (through: Connection) => defineTask(through, image, SIZE) }
  return await compare(context, `v1, unix socket, ${sample}`, daemon, daemon.unix, invocation)
}

/** How one is sent through the daemon. */
interface WarmInvocation {
  readonly bytes: Buffer
  warmUp(through: Connection): Promise<unknown>
}

function mecaInvocation(image: string): WarmInvocation {
  const body = invocationBody(image, SIZE)
  return { bytes: post(body), warmUp: (through) => invoke(through, body) }
}

async function overTcp(context: BenchContext): Promise<Measurement> {
  await using server = new Child('the loopback server', [process.execPath, SERVER])
  const [address] = await server.addresses(context.signal)
  if (address === undefined) throw new Error('the loopback server serves nowhere')
  const program = [FAKE, context.dist, formatAddress(address)]
  await using daemon = await startDaemon({ ...context, program }, context.signal)
  return await compare(context, 'meca, TCP, loopback server', daemon, daemon.tcp, mecaInvocation('loopback'))
}

async function compare(
  context: BenchContext,
  what: string,
  daemon: BenchDaemon,
  listener: Address,
  invocation: WarmInvocation,
): Promise<Measurement> {
  const { isQuick, signal } = context
  context.say(what)
  using through = await Connection.open(listener, signal)
  await invocation.warmUp(through)
  const instance = await latestEndpoint(daemon, 1, signal)
  using straight = await Connection.open(instance, signal)
  await using proxy = await startNaiveProxy(instance, undefined, signal)
  using throughProxy = await Connection.open('path' in listener ? proxy.unix : proxy.tcp, signal)

  const count = isQuick ? 500 : 2000
  const p50s = async (arms: number) =>
    interleave(arms, {
      straight: async () => percentile(await timeRequests(straight, STRAIGHT, count), 50),
      through: async () => percentile(await timeRequests(through, invocation.bytes, count), 50),
      proxy: async () => percentile(await timeRequests(throughProxy, STRAIGHT, count), 50),
    })
  // A daemon that has served ten thousand requests is a third quicker than one that has served two thousand.
  await p50s(isQuick ? 1 : 5)
  const passes = await p50s(isQuick ? 2 : 7)
  const added = pairwise(passes.through, passes.straight, (a, b) => a - b)
  const naive = pairwise(passes.proxy, passes.straight, (a, b) => a - b)
  return {
    row: 'P1',
    what,
    unit: 'ms',
    value: median(added),
    floor: { what: 'straight to the instance', value: median(passes.straight) },
    ratio: median(pairwise(passes.through, passes.straight, (a, b) => a / b)),
    spread: spread(added),
    bound: { of: 'value', sense: 'at most', must: 0.2, moonshot: 0.08 },
    notes: [`the naive proxy adds ${median(naive).toFixed(3)} ms`],
  }
}
