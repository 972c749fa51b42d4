import type { Profiler } from 'node:inspector'
import { Session } from 'node:inspector/promises'
import { setTimeout as sleep } from 'node:timers/promises'

const SAMPLING_MS = 100
const INTERVAL_MICROS = 1000

/**
 * Where the main thread is most of the time just now, the innermost frame first. For other threads. It is sampled and not
 * paused, so that it never has to wait for the thread that asks. In a call into the system it answers when that is over.
 */
export async function sampleMainThread(): Promise<string[]> {
  const session = new Session()
  session.connectToMainThread()
  try {
    await session.post('Profiler.enable')
    await session.post('Profiler.setSamplingInterval', { interval: INTERVAL_MICROS })
    await session.post('Profiler.start')
    await sleep(SAMPLING_MS)
    const { profile } = await session.post('Profiler.stop')
    return busiestStack(profile.nodes)
  } finally {
    session.disconnect()
  }
}

/** Of the node that was hit most often. */
export function busiestStack(nodes: readonly Profiler.ProfileNode[]): string[] {
  const parents = new Map(nodes.flatMap((node) => (node.children ?? []).map((child) => [child, node] as const)))
  const [busiest] = nodes.toSorted((a, b) => (b.hitCount ?? 0) - (a.hitCount ?? 0))
  const frames: string[] = []
  for (let node = busiest; node !== undefined && parents.has(node.id); node = parents.get(node.id)) {
    frames.push(describe(node.callFrame))
  }
  return frames
}

/** As in the stack of an error. */
function describe({ functionName, url, lineNumber, columnNumber }: Profiler.ProfileNode['callFrame']): string {
  const name = functionName === '' ? '(anonymous)' : functionName
  return url === '' ? name : `${name} (${url}:${lineNumber + 1}:${columnNumber + 1})`
}
