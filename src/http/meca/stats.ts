import { MIB } from '../../core/resources.ts'
import type { NodeStats } from '../../service/node-api.ts'

/** The body of `GET /stats`: cores, MB (MiB) and percent. `used_*` is the live host, `task_used_*` the share leased. */
export function statsBody({ host, offered, leased, gpuModel }: NodeStats): object {
  return {
    total_cpu: host.cpuMillis / 1000,
    total_mem: Math.floor(host.memoryBytes / MIB),
    used_cpu: percent(host.cpuUsed),
    used_mem: percent(host.memoryUsed),
    task_cpu: offered.cpuMillis / 1000,
    task_mem: Math.floor(offered.memoryBytes / MIB),
    task_used_cpu: percent(share(leased.cpuMillis, offered.cpuMillis)),
    task_used_mem: percent(share(leased.memoryBytes, offered.memoryBytes)),
    gpu_model: gpuModel,
    task_gpu: offered.gpus,
    task_used_gpu: leased.gpus,
  }
}

function share(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole
}

/** To two decimals: 0.1 core of a large machine still shows. */
function percent(share: number): number {
  return Math.round(share * 10_000) / 100
}
