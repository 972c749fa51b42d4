import { ErrandError } from '../core/errors.ts'
import { countGpus, describeGpus, type GpuRequest } from '../core/gpu.ts'

/** Refuses every wish for GPUs: as long as none are discovered, none can be leased. @throws resources_unsatisfiable */
export function assertGpus(asked: readonly GpuRequest[]): void {
  if (countGpus(asked) === 0) return
  throw new ErrandError('resources_unsatisfiable', `this node offers no GPUs; asked for are ${describeGpus(asked)}`, {
    details: { resource: 'gpus', asked, maximum: 0 },
  })
}
