import type { Connection } from './connection.ts'
import { percentile } from './statistics.ts'

/** What a load of so many connections at once came to. */
export interface PacedLoad {
  readonly perSecond: number
  readonly p99Ms: number
}

/** As many as come: each connection sends its next request as soon as it has its answer. */
export async function unpaced(connections: readonly Connection[], message: Buffer, forMs: number): Promise<PacedLoad> {
  const tookMs: number[] = []
  const beganMs = performance.now()
  const send = async (connection: Connection): Promise<void> => {
    while (performance.now() - beganMs < forMs) tookMs.push((await connection.request(message)).tookMs)
  }
  await Promise.all(connections.map(send))
  return { perSecond: (tookMs.length / (performance.now() - beganMs)) * 1000, p99Ms: percentile(tookMs, 99) }
}

/**
 * At a steady rate, in ticks of a millisecond, on whichever connection is free. What finds none waits, and its time runs
 * meanwhile: a server that stalls is not spared the requests that would have come.
 */
export async function paced(
  connections: readonly Connection[],
  message: Buffer,
  perSecond: number,
  forMs: number,
): Promise<PacedLoad> {
  const tookMs: number[] = []
  const line = new Line()
  const serve = async (connection: Connection): Promise<void> => {
    for (let cameMs = await line.next(); cameMs !== undefined; cameMs = await line.next()) {
      await connection.request(message)
      tookMs.push(performance.now() - cameMs)
    }
  }
  const beganMs = performance.now()
  await Promise.all([fill(line, perSecond, forMs), ...connections.map(serve)])
  return { perSecond: (tookMs.length / (performance.now() - beganMs)) * 1000, p99Ms: percentile(tookMs, 99) }
}

async function fill(line: Line, perSecond: number, forMs: number): Promise<void> {
  const beganMs = performance.now()
  for (let came = 0, atMs = 0; atMs < forMs; atMs = performance.now() - beganMs) {
    for (; came < (atMs / 1000) * perSecond; came += 1) line.add(beganMs + atMs)
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
  line.end()
}

/** Requests that are due, by the time at which they came, and connections that wait for one. */
class Line {
  readonly #due: number[] = []
  readonly #free: ((cameMs: number | undefined) => void)[] = []
  #isOver = false

  add(cameMs: number): void {
    const take = this.#free.pop()
    if (take === undefined) this.#due.push(cameMs)
    else take(cameMs)
  }

  /** Undefined once there will be none any more. */
  async next(): Promise<number | undefined> {
    const due = this.#due.shift()
    if (due !== undefined || this.#isOver) return due
    return new Promise((resolve) => this.#free.push(resolve))
  }

  end(): void {
    this.#isOver = true
    for (const take of this.#free.splice(0)) take(undefined)
  }
}
