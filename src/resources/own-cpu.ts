import type { CpuCounter } from './cgroup-cpu.ts'

interface Tracked {
  readonly counter: CpuCounter
  lastMs: number
}

/** CPU time of all our instances together, as one total that only grows while instances come and go. */
export class OwnCpu {
  readonly #tracked = new Map<string, Tracked>()
  #totalMs = 0

  get isEmpty(): boolean {
    return this.#tracked.size === 0
  }

  /** Counts what the instance uses from now on; without a counter it counts as zero. */
  track(instanceId: string, counter: CpuCounter | undefined): void {
    this.untrack(instanceId)
    this.#tracked.set(instanceId, { counter: counter ?? (() => undefined), lastMs: counter?.() ?? 0 })
  }

  untrack(instanceId: string): void {
    const tracked = this.#tracked.get(instanceId)
    if (tracked === undefined) return
    this.#add(tracked)
    this.#tracked.delete(instanceId)
  }

  /** Milliseconds used by all instances tracked so far. */
  readMs(): number {
    for (const tracked of this.#tracked.values()) this.#add(tracked)
    return this.#totalMs
  }

  #add(tracked: Tracked): void {
    const nowMs = tracked.counter() ?? tracked.lastMs
    this.#totalMs += Math.max(0, nowMs - tracked.lastMs)
    tracked.lastMs = nowMs
  }
}
