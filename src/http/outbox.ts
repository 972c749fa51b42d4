import type { ServerResponse } from 'node:http'
import type { Clock } from '../core/clock.ts'
import { type Armed, Deadlines } from '../core/deadlines.ts'
import type { Log } from '../core/log.ts'

export interface OutboxLimits {
  /** What answers that nobody takes may hold in memory together. */
  readonly maxUnsentBytes: number
  /** Every answer may take this long to be taken, and the time that its size needs at the least rate. */
  readonly graceMs: number
  readonly leastBytesPerSecond: number
}

export const OUTBOX_LIMITS: OutboxLimits = {
  maxUnsentBytes: 64 * 1024 * 1024,
  graceMs: 30_000,
  leastBytesPerSecond: 64 * 1024,
}

interface Unsent {
  readonly bytes: number
  readonly deadline: Armed
}

/**
 * Answers that their readers have not taken yet. A reader that is too slow is cut off, and so are those who have waited
 * longest when all of them together hold too much. An answer that the kernel takes at once costs nothing here.
 */
export class Outbox {
  readonly #limits: OutboxLimits
  readonly #log: Log
  readonly #deadlines: Deadlines
  /** Oldest first. */
  readonly #unsent = new Map<ServerResponse, Unsent>()
  #bytes = 0

  constructor(clock: Clock, log: Log, limits: Partial<OutboxLimits> = {}) {
    this.#limits = { ...OUTBOX_LIMITS, ...limits }
    this.#log = log
    this.#deadlines = new Deadlines(clock)
  }

  get unsentBytes(): number {
    return this.#bytes
  }

  /** To be called right after an answer was ended. */
  watch(response: ServerResponse): void {
    const bytes = response.writableLength
    if (bytes === 0 || response.closed) return
    this.#unsent.set(response, { bytes, deadline: this.#arm(response, bytes) })
    this.#bytes += bytes
    response.once('close', () => this.#forget(response))
    this.#makeRoom(response)
  }

  #arm(response: ServerResponse, bytes: number): Armed {
    const { graceMs, leastBytesPerSecond } = this.#limits
    return this.#deadlines.arm(graceMs + (bytes / leastBytesPerSecond) * 1000, () => this.#expire(response, bytes))
  }

  #expire(response: ServerResponse, bytes: number): void {
    // Without a socket it waits behind an earlier answer on its connection, for which its reader cannot be blamed.
    if (response.socket !== null) this.#cut(response, 'it was read too slowly')
    else this.#unsent.set(response, { bytes, deadline: this.#arm(response, bytes) })
  }

  /** The newest stays, however large: it has not had its chance yet. */
  #makeRoom(newest: ServerResponse): void {
    for (const response of this.#unsent.keys()) {
      if (this.#bytes <= this.#limits.maxUnsentBytes || response === newest) return
      this.#cut(response, 'unread answers held too much memory')
    }
  }

  #cut(response: ServerResponse, why: string): void {
    const bytes = this.#forget(response)
    this.#log.info({ bytes, why }, 'cut off a caller that did not take its answer')
    const { socket } = response.req
    // A reset lets go of what the kernel holds too; only TCP has it.
    if (socket.remoteAddress === undefined) socket.destroy()
    else socket.resetAndDestroy()
  }

  #forget(response: ServerResponse): number {
    const unsent = this.#unsent.get(response)
    if (unsent === undefined) return 0
    this.#unsent.delete(response)
    this.#deadlines.disarm(unsent.deadline)
    this.#bytes -= unsent.bytes
    return unsent.bytes
  }
}
