import { describeOrigin } from './config-error.ts'
import type { EffectiveValue } from './load.ts'

/** One row of `errand config explain`. */
export interface ExplainedValue {
  readonly key: string
  readonly value: unknown
  /** `flag --cpu`, `environment ERRAND_CPU`, `/etc/errand/errand.yaml:3` or `default`. */
  readonly origin: string
}

export function explain(values: readonly EffectiveValue[]): ExplainedValue[] {
  return values.map(({ key, value, origin }) => ({ key, value, origin: describeOrigin(origin) }))
}

/** One line per key: name, value, origin. */
export function describeValues(values: readonly EffectiveValue[]): string {
  const rows = explain(values).map((row) => ({ ...row, value: show(row.value) }))
  const keyWidth = Math.max(...rows.map(({ key }) => key.length))
  const valueWidth = Math.min(24, Math.max(...rows.map(({ value }) => value.length)))
  return rows.map((row) => `${row.key.padEnd(keyWidth)}  ${row.value.padEnd(valueWidth)}  ${row.origin}\n`).join('')
}

function show(value: unknown): string {
  if (value === '') return '-'
  if (Array.isArray(value)) return value.length === 0 ? '-' : value.map(show).join(', ')
  return typeof value === 'string' ? value : JSON.stringify(value)
}
