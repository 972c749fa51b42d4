import { settle } from '../core/manual-clock.ts'
import type { EngineImages, PullOptions, PullProgress } from '../engine/engine.ts'
import { ImagesBench, type ImagesBenchOptions } from './images-bench.fixture.ts'

export const THERE = 'registry.example/there'
export const OTHER = 'registry.example/other'

/** A bench whose registry has both images. */
export async function open(options: ImagesBenchOptions = {}): Promise<ImagesBench> {
  const bench = await ImagesBench.open(options)
  bench.engine.addRemoteImage(THERE, {})
  bench.engine.addRemoteImage(OTHER, {})
  return bench
}

/** Lets what is under way get on, then time pass. */
export async function advance(bench: ImagesBench, ms: number): Promise<void> {
  await settle()
  await bench.clock.advance(ms)
}

/** A bench whose pulls are in the test's hands. */
export async function openByHand(options: ImagesBenchOptions = {}): Promise<{ bench: ImagesBench; pulls: HandPull[] }> {
  const bench = await open(options)
  const pulls: HandPull[] = []
  const pull: EngineImages['pull'] = (_reference, { onProgress }, signal) => {
    const { promise, reject } = Promise.withResolvers<never>()
    signal.addEventListener('abort', () => reject(signal.reason))
    pulls.push({ onProgress, signal })
    return promise
  }
  bench.engine.images.pull = pull
  return { bench, pulls }
}

type HandPull = Pick<PullOptions, 'onProgress'> & { readonly signal: AbortSignal }

/** What the engine tells of a layer. */
export function step(currentBytes: number, totalBytes = 100): PullProgress {
  return { status: 'Downloading', layer: 'a', currentBytes, totalBytes }
}
