import type { ServerResponse } from 'node:http'
import type { Clock } from '../core/clock.ts'
import { type Armed, Deadlines } from '../core/deadlines.ts'
import type { Log } from '../core/log.ts'
import type { ByteBudget } from '../util/byte-budget.ts'
import { reset } from './cut.ts'
import { beginJson } from './json-answer.ts'

export interface OutboxLimits {
  /** Every answer may take this long to be taken, and the time that its size needs at the least rate. */
  readonly graceMs: number
  readonly leastBytesPerSecond: number
  /** How long a reader may take nothing while others wait for the memory. */
  readonly graceWhenShortMs: number
}

const OUTBOX_LIMITS: OutboxLimits = {
  graceMs: 30_000,
  leastBytesPerSecond: 64 * 1024,
  graceWhenShortMs: 3000,
}

/** How often each unread answer is looked at. */
const CHECK_MS = 1000
/** Beyond this multiple of the budget, which answers below its notice can reach together, the oldest are cut off. */
const MOST_OVERDRAFT = 2

interface Unsent {
  readonly bytes: number
  readonly sinceMs: number
  /** When its reader last took something. */
  progressMs: number
  check: Armed
}

/**
 * Answers that their readers have not taken yet. A reader that is too slow is cut off, and one that takes nothing sooner,
 * when others wait for the memory that it holds. An answer that the kernel takes at once costs nothing here.
 */
export class Outbox {
  readonly #clock: Clock
  readonly #log: Log
  readonly #memory: ByteBudget
  readonly #limits: OutboxLimits
  readonly #deadlines: Deadlines
  /** Oldest first. */
  readonly #unsent = new Map<ServerResponse, Unsent>()

  /** @param memory shared with answers that are still being gathered */
  constructor(clock: Clock, log: Log, memory: ByteBudget, limits: Partial<OutboxLimits> = {}) {
    this.#clock = clock
    this.#log = log
    this.#memory = memory
    this.#limits = { ...OUTBOX_LIMITS, ...limits }
    this.#deadlines = new Deadlines(clock)
  }

  /** To be called right after an answer was ended. */
  watch(response: ServerResponse): void {
    const bytes = response.writableLength
    if (bytes > 0 && !response.closed) this.#hold(response, bytes)
  }

  /** Answers 200 with a JSON text, made piece by piece as its reader takes it. `bytes` are held until it is through. */
  stream(response: ServerResponse, bytes: number, pieces: Iterator<string, void>): void {
    if (response.closed) return
    beginJson(response)
    this.#hold(response, bytes)
    this.#pump(response, pieces)
  }

  #pump(response: ServerResponse, pieces: Iterator<string, void>): void {
    const unsent = this.#unsent.get(response)
    if (unsent === undefined) return
    unsent.progressMs = this.#clock.monotonicMs()
    for (let piece = pieces.next(); piece.done !== true; piece = pieces.next()) {
      // Of a string Node would make a block three times its size on the way.
      if (response.write(Buffer.from(piece.value))) continue
      response.once('drain', () => this.#pump(response, pieces))
      return
    }
    response.end()
  }

  #hold(response: ServerResponse, bytes: number): void {
    const nowMs = this.#clock.monotonicMs()
    this.#unsent.set(response, { bytes, sinceMs: nowMs, progressMs: nowMs, check: this.#arm(response) })
    this.#memory.take(bytes)
    response.once('close', () => this.#forget(response))
    this.#limitOverdraft(response)
  }

  #arm(response: ServerResponse): Armed {
    return this.#deadlines.arm(CHECK_MS, () => this.#check(response))
  }

  #check(response: ServerResponse): void {
    const unsent = this.#unsent.get(response)
    if (unsent === undefined) return
    unsent.check = this.#arm(response)
    // Without a socket it waits behind an earlier answer on its connection, for which its reader cannot be blamed.
    if (response.socket === null) return
    const { graceMs, graceWhenShortMs, leastBytesPerSecond } = this.#limits
    const nowMs = this.#clock.monotonicMs()
    const mostMs = graceMs + (unsent.bytes / leastBytesPerSecond) * 1000
    if (nowMs - unsent.sinceMs >= mostMs) this.#cut(response, 'read too slowly')
    else if (this.#memory.isShort && nowMs - unsent.progressMs >= graceWhenShortMs) this.#cut(response, 'not read')
  }

  /** The newest stays, however large: it has not had its chance yet. */
  #limitOverdraft(newest: ServerResponse): void {
    const mostBytes = MOST_OVERDRAFT * this.#memory.limitBytes
    for (const response of this.#unsent.keys()) {
      if (this.#memory.usedBytes <= mostBytes || response === newest) return
      this.#cut(response, 'unread answers hold too much memory')
    }
  }

  #cut(response: ServerResponse, why: string): void {
    const bytes = this.#forget(response)
    this.#log.info({ bytes, why }, 'cut off a caller that did not take its answer')
    reset(response.req.socket)
  }

  #forget(response: ServerResponse): number {
    const unsent = this.#unsent.get(response)
    if (unsent === undefined) return 0
    this.#unsent.delete(response)
    this.#deadlines.disarm(unsent.check)
    this.#memory.giveBack(unsent.bytes)
    return unsent.bytes
  }
}
