import type { Config } from '../config/config.ts'
import type { NodeMetrics } from './node-metrics.ts'

/**
 * Begins to measure when a listener is to tell about it, before anything can happen that would be missed; where none is,
 * nothing is measured, and what does it is not loaded either.
 */
export async function openMetrics({ listeners }: Pick<Config, 'listeners'>): Promise<NodeMetrics | undefined> {
  if (!listeners.some(({ faces }) => faces.has('metrics'))) return undefined
  const { NodeMetrics } = await import('./node-metrics.ts')
  return new NodeMetrics()
}
