import type { Clock } from '../core/clock.ts'
import type { Endpoint } from '../core/endpoint.ts'
import type { Readiness } from '../core/task.ts'
import { sleep } from '../core/wait.ts'
import { Backoff } from '../util/backoff.ts'

/** Whether something serves at an endpoint. Implemented by `forward/reach.ts`. */
export interface Reach {
  /** True when a connection is accepted. */
  accepts(endpoint: Endpoint, signal: AbortSignal): Promise<boolean>
  /** True when `GET path` is answered with a status below 400. */
  answers(endpoint: Endpoint, path: string, signal: AbortSignal): Promise<boolean>
}

/**
 * The first of `candidates`, in their order, at which a server is up. Asks in steps of 1, 2, 4 ... 100 ms: most servers
 * come up within the first few, and a slow one is not hammered. Never gives up before `signal` aborts.
 */
export async function firstReachable(
  candidates: readonly Endpoint[],
  readiness: Readiness,
  reach: Reach,
  clock: Clock,
  signal: AbortSignal,
): Promise<Endpoint> {
  const backoff = new Backoff(1, 100)
  for (;;) {
    const found = await findReachable(candidates, readiness, reach, signal)
    if (found !== undefined) return found
    await sleep(clock, backoff.nextMs(), signal)
  }
}

/** The first at which a server is up now. */
export async function findReachable(
  candidates: readonly Endpoint[],
  readiness: Readiness,
  reach: Reach,
  signal: AbortSignal,
): Promise<Endpoint | undefined> {
  for (const endpoint of candidates) {
    if (await isUp(endpoint, readiness, reach, signal)) return endpoint
  }
  return undefined
}

function isUp(endpoint: Endpoint, readiness: Readiness, reach: Reach, signal: AbortSignal): Promise<boolean> {
  if (readiness.kind === 'http') return reach.answers(endpoint, readiness.path, signal)
  return reach.accepts(endpoint, signal)
}
