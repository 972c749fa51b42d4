import type { SandboxSpec } from '../engine.ts'
import type { GpuHostConfig } from './gpu-config.ts'
import type { ImageConfig } from './image-config.ts'
import { SOCKET_PATH } from './mounts.ts'
import { SCRATCH_FOLDER } from './profile.ts'

/** What the NVIDIA runtime acts upon. Without a GPU nothing of its kind is passed on. */
const NVIDIA = /^NVIDIA_/
/** By these it would hand out what no lease names. The others tell it, and libraries, how to use what was given. */
const NVIDIA_DEVICES = /^NVIDIA_(?:VISIBLE_DEVICES$|MIG_|IMEX_)/

/** Beside what the image says: `K=V`, or `K` alone for what is taken out of it. Ours win over the caller's. */
export function environmentOf(
  { process, profile, hasSocket, gpus = [] }: SandboxSpec,
  image: ImageConfig,
  gpu: GpuHostConfig,
): string[] {
  const refused = gpus.length > 0 ? NVIDIA_DEVICES : NVIDIA
  const callers = Object.entries(process.environment ?? {}).filter(([name]) => !refused.test(name))
  const ours = [...gpu.environment, ...(hasSocket ? [`ERRAND_SOCKET=${SOCKET_PATH}`] : [])].map(toEntry)
  const said = new Map([...(profile === 'strict' ? [['HOME', SCRATCH_FOLDER] as const] : []), ...callers, ...ours])
  const removed = image.variables.filter((name) => refused.test(name) && !said.has(name))
  return [...Array.from(said, ([name, value]) => `${name}=${value}`), ...removed]
}

function toEntry(variable: string): readonly [string, string] {
  const at = variable.indexOf('=')
  return [variable.slice(0, at), variable.slice(at + 1)]
}
