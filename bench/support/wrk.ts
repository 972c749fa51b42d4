import { execFile } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type Address, formatAddress } from './address.ts'
import { cpuSeconds } from './process.ts'

const run = promisify(execFile)
const SCRIPT = join(import.meta.dirname, 'post.lua')

/** One process under load has a core to itself; whatever loads it and whatever it asks share the others. */
export const CORES: { readonly measured: string | undefined; readonly others: string | undefined } =
  availableParallelism() < 2
    ? { measured: undefined, others: undefined }
    : { measured: '0', others: availableParallelism() === 2 ? '1' : `1-${availableParallelism() - 1}` }

export interface Load {
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** CPU seconds of the process under load for every 1,000 requests. */
  readonly cpuPerThousand: number
}

/** What each request is; to `/` without credentials, where it does not say. */
export interface LoadRequest {
  readonly body: string
  readonly path?: string
  readonly authorization?: string
}

/** Loads a server for some seconds over 64 connections. @throws when wrk is missing, or requests failed */
export async function load(
  target: Address,
  pid: number,
  { body, path = '/', authorization }: LoadRequest,
  seconds: number,
  signal: AbortSignal,
): Promise<Load> {
  const connections = ['-t', '1', '-c', '64', '-d', `${seconds}s`, '--latency', '-s', SCRIPT]
  const command = ['wrk', ...connections, `http://${formatAddress(target)}${path}`, '--', body]
  if (authorization !== undefined) command.push(authorization)
  const pinned = CORES.others === undefined ? command : ['taskset', '-c', CORES.others, ...command]
  const [program = '', ...args] = pinned
  const cpuBefore = await cpuSeconds(pid)
  const { stdout } = await run(program, args, { signal })
  const cpu = (await cpuSeconds(pid)) - cpuBefore
  if (/Non-2xx|Socket errors/.test(stdout)) throw new Error(`requests failed under load: ${stdout}`)
  const requests = numberIn(stdout, /(\d+) requests in/)
  return {
    perSecond: numberIn(stdout, /Requests\/sec:\s+([\d.]+)/),
    p50Ms: durationIn(stdout, /50%\s+([\d.]+)(\w+)/),
    p99Ms: durationIn(stdout, /99%\s+([\d.]+)(\w+)/),
    cpuPerThousand: (cpu / requests) * 1000,
  }
}

/** @throws with the one line to type when it is missing */
export async function assertWrk(): Promise<void> {
  const found = await run('sh', ['-c', 'command -v wrk']).catch(() => undefined)
  if (found === undefined) throw new Error('wrk is missing; install it: apt-get install wrk')
}

function numberIn(text: string, pattern: RegExp): number {
  const found = pattern.exec(text)?.[1]
  if (found === undefined) throw new Error(`wrk's report has no ${pattern}: ${text}`)
  return Number(found)
}

const UNITS_MS: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1000 }

function durationIn(text: string, pattern: RegExp): number {
  const unit = pattern.exec(text)?.[2] ?? ''
  return numberIn(text, pattern) * (UNITS_MS[unit] ?? Number.NaN)
}
