import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { BenchContext, Measurement, Row } from '../measurement.ts'
import type { MemoryReport } from '../memory-probe.ts'
import { formatAddress } from '../support/address.ts'
import { Child } from '../support/child.ts'
import { Connection } from '../support/connection.ts'
import { type BenchDaemon, startDaemon, withMemoryProbe } from '../support/daemon.ts'
import { cpuSeconds, residentMemory } from '../support/process.ts'
import { invocationBody, invoke, post } from '../support/requests.ts'
import { median, spread } from '../support/statistics.ts'

const MIB = 2 ** 20
const HERE = join(import.meta.dirname, '..')
/** At once: enough for the journal to write them in groups. */
const CONCURRENCY = 32
/** On 10,000 ended executions. */
const PER = 10_000
/** After that many, as far as memory goes, it is as large as work makes it. */
const WARM = 10_000
/**
 * The daemon looks every ten seconds whether it has anything to do, and collects twice when it has not; what finalizers do
 * after the first may count as work, and then it collects twice more.
 */
const REST_MS = 60_000
const QUICK_REST_MS = 25_000
/** Enough room for a few of the largest tasks; the rest of them is evicted. */
const ROOM = ['cpu=4', 'mem=8192', 'resources.cpuOvercommit=100', 'tasks.queueLimit=1000']

/** What the daemon takes when it does nothing, and what stays of what it has done. */
export const memory: Row = {
  name: 'P16',
  title: 'memory: idle, per ended execution, per task',
  async measure(context) {
    return [await idle(context), ...(await growth(context))]
  },
}

/** On the Docker Engine, as anybody runs it. */
async function idle({ dist, isQuick, signal, say }: BenchContext): Promise<Measurement> {
  const seconds = isQuick ? 5 : 30
  const resident: number[] = []
  const own: number[] = []
  const cpu: number[] = []
  for (let pass = 0; pass < (isQuick ? 1 : 3); pass += 1) {
    await using daemon = await startDaemon({ dist }, signal)
    say(`idle for ${seconds} s`)
    const { pid } = daemon.child
    await sleep(1000, undefined, { signal }) // the end of its start is not idleness
    const before = await cpuSeconds(pid)
    await sleep(seconds * 1000, undefined, { signal })
    cpu.push(((await cpuSeconds(pid)) - before) / seconds)
    const found = await residentMemory(pid)
    resident.push(found.bytes / MIB)
    own.push(found.ownBytes / MIB)
  }
  return {
    row: 'P16',
    what: 'resident, idle',
    unit: 'MiB',
    value: median(resident),
    spread: spread(resident),
    bound: { of: 'value', sense: 'at most', must: 90, moonshot: 60 },
    notes: [
      `of it its own: ${median(own).toFixed(1)} MiB; the rest is read from files, above all the program of Node.js`,
      `P17: ${(median(cpu) * 100).toFixed(2)} % of a core meanwhile, without instances`,
    ],
  }
}

/** On the fake engine, which has no costs of its own outside the process. */
async function growth(context: BenchContext): Promise<Measurement[]> {
  const { dist, signal } = context
  await using server = new Child('the loopback server', [process.execPath, join(HERE, 'loopback-server.ts')])
  const [address] = await server.addresses(signal)
  if (address === undefined) throw new Error('the loopback server serves no address')
  const program = [join(HERE, 'fake-engine-daemon.ts'), dist, formatAddress(address)]
  await using daemon = await startDaemon({ dist, program, settings: ROOM, ...withMemoryProbe() }, signal)
  return [await perExecution(context, daemon), await perTask(context, daemon)]
}

/** What the daemon has left when it rests, before a probe that collects is asked. */
interface Rest {
  readonly resident: number
  readonly inUse: number
}

/** The first step makes the heap, the journal and its cache what they are at work; those after it show what each more costs. */
async function perExecution(context: BenchContext, daemon: BenchDaemon): Promise<Measurement> {
  const { isQuick, signal, say } = context
  const [warm, count, steps] = isQuick ? [500, 500, 1] : [WARM, PER, 2]
  const fresh = await rest(context, daemon)
  const rests: Rest[] = []
  for (const step of [warm, ...Array.from({ length: steps }, () => count)]) {
    say(`${step} executions, then a rest`)
    await runExecutions(daemon, step, signal)
    rests.push(await rest(context, daemon))
  }
  const grown = (of: keyof Rest): number[] =>
    rests.slice(1).map((after, step) => ((after[of] - (rests[step]?.[of] ?? Number.NaN)) / MIB) * (PER / count))
  const once = ((rests[0]?.resident ?? Number.NaN) - fresh.resident) / MIB
  return {
    row: 'P16',
    what: `per 10,000 ended executions, once idle (${count * steps} after the first ${warm})`,
    unit: 'MiB',
    value: mean(grown('resident')),
    spread: spread(grown('resident')),
    bound: { of: 'value', sense: 'at most', must: 5, moonshot: 1 },
    notes: [
      `the first ${warm} left ${once.toFixed(1)} MiB resident`,
      `in use after a collection, main thread: ${mean(grown('inUse')).toFixed(1)} MiB more`,
    ],
  }
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

async function rest({ isQuick, signal }: BenchContext, daemon: BenchDaemon): Promise<Rest> {
  await sleep(isQuick ? QUICK_REST_MS : REST_MS, undefined, { signal })
  const { bytes: resident } = await residentMemory(daemon.child.pid)
  return { resident, inUse: (await ask(daemon, signal)).inUse }
}

async function perTask({ isQuick, signal, say }: BenchContext, daemon: BenchDaemon): Promise<Measurement> {
  const count = isQuick ? 500 : 3000
  await useTasks(daemon, 0.1, 500, signal)
  const before = await ask(daemon, signal)
  say(`${count} tasks, used once each`)
  await useTasks(daemon, 0.2, count, signal)
  const { inUse } = await ask(daemon, signal)
  return {
    row: 'P16',
    what: `per task that was used once (${count} were)`,
    unit: 'bytes',
    value: (inUse - before.inUse) / count,
    bound: { of: 'value', sense: 'at most', must: 1024, moonshot: 512 },
  }
}

async function ask({ child }: BenchDaemon, signal: AbortSignal): Promise<MemoryReport> {
  return (await child.ask('memory', signal)) as MemoryReport
}

async function runExecutions(daemon: BenchDaemon, count: number, signal: AbortSignal): Promise<void> {
  const engineSpec = { type: 'fake', params: { image: 'noop' }, resources: { cpu: 0.1, memory: 16 * MIB } }
  const submission = post(JSON.stringify({ engineSpec }), '/v1/executions')
  await share(daemon, count, signal, async (connection) => {
    const { id } = JSON.parse((await connection.request(submission)).body) as { id: string }
    const path = `/v1/executions/${id}/wait?timeout=30s`
    const { body } = await connection.request(Buffer.from(`GET ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n`))
    const { status } = JSON.parse(body) as { status: string }
    if (status !== 'succeeded') throw new Error(`an execution ended as ${status}: ${body}`)
  })
}

/** Every task differs by its memory; what was used before makes room. */
async function useTasks(daemon: BenchDaemon, cpu: number, count: number, signal: AbortSignal): Promise<void> {
  await share(daemon, count, signal, async (connection, index) => {
    await invoke(connection, invocationBody('loopback', { cpu, mem: 64 + index }))
  })
}

/** Over connections that are used side by side. */
async function share(
  { unix }: BenchDaemon,
  count: number,
  signal: AbortSignal,
  work: (connection: Connection, index: number) => Promise<void>,
): Promise<void> {
  let next = 0
  const worker = async (): Promise<void> => {
    using connection = await Connection.open(unix, signal)
    while (next < count) {
      const index = next
      next += 1
      await work(connection, index)
    }
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, worker))
}
