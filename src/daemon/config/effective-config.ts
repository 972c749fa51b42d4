import type { Grant } from '../../service/node-api.ts'
import type { Config } from './config.ts'

/**
 * All that a node runs with while that is granted, as JSON can carry it. Secrets are in files, and the configuration has no
 * more than their names. What is unlimited is `unlimited`; what is not set is left out.
 */
export function effectiveConfig({ fault: _ofTests, ...config }: Config, grant: Grant): object {
  return Object.fromEntries(Object.entries({ ...config, grant }).map(([key, value]) => [key, plain(value)]))
}

function plain(value: unknown): unknown {
  if (value === Infinity) return 'unlimited'
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, inner]) => [key, plain(inner)]))
  if (value instanceof Set) return [...value].map(String).toSorted((a, b) => (a < b ? -1 : 1))
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]))
}
