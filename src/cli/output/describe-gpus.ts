import type { ExecutionView } from '../../client/client.ts'
import { formatBytes } from './format.ts'

type AskedGpus = ExecutionView['resources']['asked']['gpus'][number]

/** `2, nvidia, A100, 16 GiB each`: what was asked for, in as few words. */
export function describeGpus({ count, vendor, model, minMemory, uuid }: AskedGpus): string {
  const memory = minMemory === undefined ? undefined : `${formatBytes(minMemory)} each`
  return [String(count), vendor, model, memory, uuid].filter((part) => part !== undefined).join(', ')
}
