import { execFile } from 'node:child_process'
import { get, request } from 'node:http'
import { text } from 'node:stream/consumers'
import { promisify } from 'node:util'
import type { Address } from './address.ts'
import { Connection } from './connection.ts'
import { STRAIGHT } from './requests.ts'

const run = promisify(execFile)
const SOCKET = '/var/run/docker.sock'
const LABELS = { 'dev.errand.bench': `${process.pid}` }

/** One call of the Docker Engine API, without anything in between. @throws from status 400 up */
async function call(method: string, path: string, body?: object): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const headers = { 'content-type': 'application/json' }
  request({ socketPath: SOCKET, method, path: `/v1.41${path}`, headers }, (response) => {
    void text(response).then((answer) => {
      const isRefused = (response.statusCode ?? 500) >= 400
      if (isRefused) reject(new Error(`${method} ${path}: ${answer}`))
      else resolve(answer)
    }, reject)
  })
    .on('error', reject)
    .end(body === undefined ? '' : JSON.stringify(body))
  return promise
}

/** What is run to its end, without a network. */
export interface JobByHand {
  readonly image: string
  readonly cmd: readonly string[]
}

/** Create, start, wait and remove, as four calls. `meanwhile` is called with the container's id once it runs. */
export async function runByHand(
  { image, cmd }: JobByHand,
  meanwhile: (id: string) => Promise<void> = async () => {},
): Promise<void> {
  const host = { NetworkMode: 'none', LogConfig: { Type: 'local', Config: { 'max-size': '1g', 'max-file': '2' } } }
  const body = { Image: image, Cmd: cmd, Labels: LABELS, HostConfig: host }
  const { Id: id } = JSON.parse(await call('POST', '/containers/create', body)) as { Id: string }
  try {
    await call('POST', `/containers/${id}/start`)
    await Promise.all([call('POST', `/containers/${id}/wait`), meanwhile(id)])
  } finally {
    await call('DELETE', `/containers/${id}?force=1&v=1`)
  }
}

/** Bytes of the multiplexed stream that `docker logs --follow` reads, to its end. */
export async function followedBytes(container: string): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  let bytes = 0
  get({ socketPath: SOCKET, path: `/v1.41/containers/${container}/logs?stdout=1&stderr=1&follow=1` }, (response) => {
    response.on('data', (chunk: Buffer) => {
      bytes += chunk.length
    })
    response.on('end', () => resolve(bytes))
    response.on('error', reject)
  }).on('error', reject)
  return promise
}

/** The Engine by hand, with a plain bridge network of its own. Disposing removes the network. */
export class EngineByHand implements AsyncDisposable {
  readonly #network: string

  private constructor(network: string) {
    this.#network = network
  }

  static async open(): Promise<EngineByHand> {
    const body = { Name: `errand-bench-${process.pid}`, Driver: 'bridge', Labels: LABELS }
    const { Id: id } = JSON.parse(await call('POST', '/networks/create', body)) as { Id: string }
    return new EngineByHand(id)
  }

  /**
   * Milliseconds from nothing to a first answer: create, start, and ask until the server answers. The container is gone
   * afterwards.
   */
  async coldStart(image: string, signal: AbortSignal): Promise<number> {
    const startedMs = performance.now()
    const body = { Image: image, Labels: LABELS, HostConfig: { NetworkMode: this.#network } }
    const { Id: id } = JSON.parse(await call('POST', '/containers/create', body)) as { Id: string }
    try {
      await call('POST', `/containers/${id}/start`)
      await firstAnswer({ host: await addressOf(id), port: 8080 }, signal)
      return performance.now() - startedMs
    } finally {
      await call('DELETE', `/containers/${id}?force=1&v=1`)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await call('DELETE', `/networks/${this.#network}`)
  }
}

async function addressOf(container: string): Promise<string> {
  const view = JSON.parse(await call('GET', `/containers/${container}/json`)) as {
    NetworkSettings: { Networks: Record<string, { IPAddress: string }> }
  }
  const [network] = Object.values(view.NetworkSettings.Networks)
  if (network === undefined) throw new Error(`${container} is on no network`)
  return network.IPAddress
}

/** Asks every millisecond. */
async function firstAnswer(address: Address, signal: AbortSignal): Promise<void> {
  for (;;) {
    try {
      using connection = await Connection.open(address, signal)
      await connection.request(STRAIGHT)
      return
    } catch (error) {
      signal.throwIfAborted()
      if ((error as NodeJS.ErrnoException).code !== 'ECONNREFUSED') throw error
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
  }
}

/** When a container printed a line, by the Engine's clock, in milliseconds since the epoch. */
export async function printedAt(container: string, line: string): Promise<number> {
  const log = await call('GET', `/containers/${container}/logs?stdout=1&timestamps=1`)
  const time = new RegExp(`(\\d{4}-\\S+:\\d\\d)(\\.\\d+)?Z ${line}`).exec(log)
  if (time === null) throw new Error(`${container} did not print ${line}`)
  // Date knows milliseconds only; the fraction is added by hand.
  return Date.parse(`${time[1]}Z`) + Number(time[2] ?? 0) * 1000
}

/** Moves all processes of the container whose socket this is to `cores`. */
export async function pinContainerOf(instance: string, cores: string): Promise<void> {
  const { Processes: rows } = JSON.parse(await call('GET', `/containers/${containerName(instance)}/top`)) as {
    Processes: string[][]
  }
  for (const [, pid = ''] of rows) await run('taskset', ['-acp', cores, pid])
}

/** As a daemon whose node is called `bench` names it. */
export function containerName(instance: string): string {
  return `errand-bench-${instance}-1`
}
