import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { ensureImage } from '../../examples/tasks/offline/sample-images.ts'
import type { Measurement, Row } from '../measurement.ts'
import type { Address } from '../support/address.ts'
import { Connection } from '../support/connection.ts'
import { type BenchDaemon, startDaemon } from '../support/daemon.ts'
import { get, invocationBody, invoke, post } from '../support/requests.ts'
import { median, spread } from '../support/statistics.ts'

/** What there is when the daemon is killed. */
interface Load {
  readonly executions: number
  readonly warm: number
}

/** Since the new daemon's process was asked for. */
interface Restart {
  readonly readyMs: number
  readonly warmMs: number
}

type Work = (connection: Connection) => Promise<void>

const WHOLE: Load = { executions: 50, warm: 20 }
const QUICK: Load = { executions: 5, warm: 3 }
/** So many are asked for side by side. */
const AT_ONCE = 4
/** Room for all of them: they do nothing. */
const SETTINGS = ['cpu=2', 'mem=4096', 'resources.cpuOvercommit=16']

/** How long nobody is served after a kill -9, and what is left of the warm tasks then. */
export const restart: Row = {
  name: 'P18',
  title: 'a daemon killed and started again, with work under way',
  async measure({ dist, isQuick, signal, say }) {
    const load = isQuick ? QUICK : WHOLE
    await using held = new AsyncDisposableStack()
    const folder = await mkdtemp(join(tmpdir(), 'errand-bench-'))
    held.defer(() => rm(folder, { recursive: true }))
    const start = (): Promise<BenchDaemon> => startDaemon({ dist, settings: SETTINGS, folder }, signal)
    let daemon = await start()
    held.defer(() => end(daemon))
    const bodies = await warmBodies(load.warm)
    say(`${load.executions} executions and ${load.warm} warm instances are started`)
    await fill(daemon, load.executions, bodies, signal)
    const times: Restart[] = []
    for (let pass = 0; pass < (isQuick ? 1 : 5); pass += 1) {
      await daemon.child.kill()
      const startedMs = performance.now()
      daemon = await start()
      times.push(await firstAnswers(daemon, bodies[0] ?? '', startedMs, signal))
      assertTakenUp(daemon, load)
      say('killed and started again')
    }
    return measurements(load, times)
  },
}

/** Each size of memory is a task of its own. */
async function warmBodies(count: number): Promise<string[]> {
  const image = await ensureImage('static-nginx')
  return Array.from({ length: count }, (_, index) => invocationBody(image, { cpu: 0.1, mem: 32 + index }))
}

async function fill(
  { unix, tcp }: BenchDaemon,
  executions: number,
  bodies: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const task = {
    image: await ensureImage('busybox'),
    cmd: ['sleep', '100000'],
    resources: { cpu: 0.1, memory: '8MiB' },
  }
  const submission = post(JSON.stringify({ task }), '/v1/executions')
  const submit: Work = async (connection) => {
    const { id } = JSON.parse((await connection.request(submission)).body) as { id: string }
    await untilRunning(connection, id)
  }
  await sideBySide(unix, Array<Work>(executions).fill(submit), signal)
  const call = (body: string): Work => {
    return async (connection) => void (await invoke(connection, body))
  }
  await sideBySide(tcp, bodies.map(call), signal)
}

async function untilRunning(connection: Connection, id: string): Promise<void> {
  for (;;) {
    const { status } = JSON.parse((await connection.request(get(`/v1/executions/${id}`))).body) as { status: string }
    if (status === 'running') return
    if (['failed', 'lost', 'cancelled', 'succeeded'].includes(status)) throw new Error(`an execution is ${status}`)
    await sleep(50)
  }
}

async function sideBySide(address: Address, works: readonly Work[], signal: AbortSignal): Promise<void> {
  const left = [...works]
  const worker = async (): Promise<void> => {
    using connection = await Connection.open(address, signal)
    for (let work = left.pop(); work !== undefined; work = left.pop()) await work(connection)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
}

async function firstAnswers(
  { tcp }: BenchDaemon,
  body: string,
  startedMs: number,
  signal: AbortSignal,
): Promise<Restart> {
  using connection = await Connection.open(tcp, signal)
  await connection.request(get('/health'))
  const readyMs = performance.now() - startedMs
  await invoke(connection, body)
  return { readyMs, warmMs: performance.now() - startedMs }
}

/** @throws unless everything was taken up: a daemon that has lost its work is ready sooner */
function assertTakenUp({ child }: BenchDaemon, { executions, warm }: Load): void {
  const isSaid = (facts: object): boolean =>
    child.lines.some((line) => Object.entries(facts).every(([name, value]) => line[name] === value))
  if (!isSaid({ executions }) || !isSaid({ instances: warm })) throw new Error('not everything was taken up')
}

/** Executions outlive their daemon: they are ended first. */
async function end(daemon: BenchDaemon): Promise<void> {
  await using _stopped = daemon
  const { signal } = new AbortController()
  using connection = await Connection.open(daemon.unix, signal)
  const page = get('/v1/executions?status=running&limit=200')
  const { executions } = JSON.parse((await connection.request(page)).body) as { executions: { id: string }[] }
  const cancel = (id: string): Work => {
    const request = post('{"graceMs":0}', `/v1/executions/${id}/cancel`)
    return async (other) => {
      await other.request(request)
      await other.request(get(`/v1/executions/${id}/wait?timeout=60s`))
    }
  }
  const cancels = executions.map(({ id }) => cancel(id))
  await sideBySide(daemon.unix, cancels, signal)
}

function measurements({ executions, warm }: Load, times: readonly Restart[]): Measurement[] {
  const readyMs = times.map((time) => time.readyMs)
  const warmMs = times.map((time) => time.warmMs)
  const when = `after kill -9 with ${executions} executions and ${warm} warm instances`
  return [
    {
      row: 'P18',
      what: `${when}: API ready`,
      unit: 'ms',
      value: median(readyMs),
      spread: spread(readyMs),
      bound: { of: 'value', sense: 'at most', must: 2000, moonshot: 300 },
    },
    {
      row: 'P18',
      what: `${when}: first warm answer`,
      unit: 'ms',
      value: median(warmMs),
      spread: spread(warmMs),
      bound: { of: 'value', sense: 'at most', must: 2300, moonshot: 300 },
    },
  ]
}
