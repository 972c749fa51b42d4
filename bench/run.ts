/**
 * `npm run bench`: measures the built package against floors of the same machine, row by row, and prints what was met and
 * what was lost. `npm run bench -- P3` measures one row, `--quick` shortly. See docs/performance.md.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { availableParallelism, loadavg } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import type { BenchContext, Measurement, Row } from './measurement.ts'
import { formatTable, toResult } from './report.ts'
import { accepts } from './rows/accepts.ts'
import { addedLatency } from './rows/added-latency.ts'
import { burst } from './rows/burst.ts'
import { coldStart } from './rows/cold-start.ts'
import { executions } from './rows/executions.ts'
import { halfLoad } from './rows/half-load.ts'
import { listing } from './rows/listing.ts'
import { logCapture } from './rows/log-capture.ts'
import { memory } from './rows/memory.ts'
import { oneStart } from './rows/one-start.ts'
import { refusal } from './rows/refusal.ts'
import { restart } from './rows/restart.ts'
import { throughput } from './rows/throughput.ts'
import { warmPathCalls } from './rows/warm-path-calls.ts'

const ROWS: readonly Row[] = [
  addedLatency,
  halfLoad,
  throughput,
  warmPathCalls,
  coldStart,
  oneStart,
  burst,
  accepts,
  executions,
  refusal,
  restart,
  logCapture,
  listing,
  memory,
]
const RESULTS = join(import.meta.dirname, 'results')

const { values: flags, positionals: names } = parseArgs({
  allowPositionals: true,
  options: { quick: { type: 'boolean', default: false }, dist: { type: 'string', default: 'dist' } },
})

const interrupted = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => interrupted.abort(new Error(`interrupted by ${signal}`)))
}

process.exit(await main(chooseRows(names)))

function chooseRows(wanted: readonly string[]): readonly Row[] {
  const unknown = wanted.filter((name) => !ROWS.some((row) => row.name === name.toUpperCase()))
  if (unknown.length > 0) {
    const known = ROWS.map(({ name, title }) => `  ${name.padEnd(4)} ${title}\n`).join('')
    process.stderr.write(`no such row: ${unknown.join(', ')}. There are:\n${known}`)
    process.exit(64)
  }
  return wanted.length === 0 ? ROWS : ROWS.filter((row) => wanted.some((name) => row.name === name.toUpperCase()))
}

/** Exit status: 0 whatever was met or lost, 1 when a row could not be measured, 130 when interrupted. */
async function main(rows: readonly Row[]): Promise<number> {
  const measurements: Measurement[] = []
  const [loadBefore = 0] = loadavg()
  let failures = 0
  for (const row of rows) {
    try {
      measurements.push(...(await row.measure(contextOf(row))))
    } catch (error) {
      if (interrupted.signal.aborted) return 130
      failures += 1
      process.stderr.write(`${row.name} could not be measured: ${describe(error)}\n`)
    }
  }
  process.stdout.write(`\n${formatTable(measurements)}`)
  process.stdout.write(
    `\nload average before: ${loadBefore.toFixed(1)} on ${availableParallelism()} cores; medians of passes\n`,
  )
  const isWhole = rows === ROWS && failures === 0 && !flags.quick
  if (isWhole) process.stdout.write(`written to ${await keep(measurements, loadBefore)}\n`)
  return failures === 0 ? 0 : 1
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}

function contextOf(row: Row): BenchContext {
  return {
    dist: resolve(flags.dist),
    isQuick: flags.quick,
    signal: interrupted.signal,
    say: (text) => process.stderr.write(`${row.name}: ${text}\n`),
  }
}

/** Only whole runs are kept: figures of different moments do not belong beside each other. */
async function keep(measurements: readonly Measurement[], loadBefore: number): Promise<string> {
  const at = new Date()
  const file = join(RESULTS, `${at.toISOString().slice(0, 10)}.json`)
  await mkdir(RESULTS, { recursive: true })
  await writeFile(file, `${JSON.stringify(toResult(measurements, loadBefore, at), null, 2)}\n`)
  return file
}
