import { arch, cpus, totalmem } from 'node:os'
import { judge, type Measurement } from './measurement.ts'

const HEADINGS = ['row', 'what', 'value', 'floor', 'ratio', 'spread', 'must', ''] as const

/** A table for people, each row's notes below it. */
export function formatTable(measurements: readonly Measurement[]): string {
  const rows = measurements.map((each) => ({ cells: cellsOf(each), notes: each.notes ?? [] }))
  const widths = HEADINGS.map((heading, column) =>
    Math.max(heading.length, ...rows.map(({ cells }) => cells[column]?.length ?? 0)),
  )
  const format = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd()
  const lines = rows.flatMap(({ cells, notes }) => [format(cells), ...notes.map((note) => `     ${note}`)])
  return `${[format(HEADINGS), ...lines].join('\n')}\n`
}

function cellsOf(measurement: Measurement): string[] {
  const { row, what, unit, value, floor, ratio, spread, bound } = measurement
  const isRatio = bound === undefined ? ratio !== undefined : bound.of === 'ratio'
  const judged = (number: number): string => (isRatio ? `${number.toFixed(2)}x` : formatNumber(number, unit))
  return [
    row,
    what,
    `${formatNumber(value, unit)} ${unit}`,
    floor === undefined ? '' : `${formatNumber(floor.value, unit)} ${unit} (${floor.what})`,
    ratio === undefined ? '' : `${ratio.toFixed(2)}x`,
    spread === undefined ? '' : spread.map(judged).join(' to '),
    bound === undefined ? '' : `${bound.sense} ${judged(bound.must)}`,
    judge(measurement),
  ]
}

function formatNumber(value: number, unit: Measurement['unit']): string {
  if (unit === '/s' || unit === 'starts' || unit === 'bytes') return value.toFixed(0)
  if (unit === 'calls') return String(value)
  return value.toFixed(value < 1 ? 3 : 1)
}

/** What is kept of a run: the machine it ran on, how busy that was before, and every figure with its verdict. */
export function toResult(measurements: readonly Measurement[], loadBefore: number, at: Date): object {
  return {
    at: at.toISOString(),
    machine: { cpu: cpus()[0]?.model, cores: cpus().length, memoryBytes: totalmem(), arch: arch() },
    node: process.version,
    loadBefore,
    measurements: measurements.map((each) => ({ ...each, verdict: judge(each) })),
  }
}
