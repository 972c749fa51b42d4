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

/** A value in one line, for people. */
export function showValue(value: unknown): string {
  if (value === '') return '-'
  if (Array.isArray(value)) return value.length === 0 ? '-' : value.map(showValue).join(', ')
  return typeof value === 'string' ? value : JSON.stringify(value)
}
