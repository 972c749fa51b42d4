import { keepValue } from '../admission/eviction.ts'
import { ErrandError } from '../core/errors.ts'
import { type Connections, openConnections } from '../forward/connections.ts'
import type { Instance } from '../instance/instance.ts'
import type { StartPhases } from '../instance/start-phases.ts'
import type { RemovalReason } from './pool-meter.ts'

/** Faulty exchanges in a row after which an instance is replaced. */
const MOST_FAULTS = 3
/** After so many requests in a row whose callers left before an answer, an instance is asked whether it is alive. */
const MOST_ABANDONED = 3

/** What another start is taken to cost where nobody has seen the first one. */
const UNKNOWN_START_MS = 1000

/** A warm instance as the pool keeps it: idle while it has no turns. */
export class Member {
  readonly instance: Instance
  readonly connections: Connections
  /** Of its start; undefined where an earlier process has started it. */
  readonly phases: StartPhases | undefined
  /** Requests that it is answering now. */
  turns = 0
  /** Requests that it has answered. */
  uses = 0
  /** No longer lent; removed with the end of its last turn. */
  isRetired = false
  /** Why it will be removed once it is retired. */
  leavesBecause: RemovalReason = 'faults'
  /** Why it was retired, where that was the task's own fault. */
  fault: ErrandError | undefined
  idleSinceMs: number
  /** When it became ready, or was taken over. */
  readonly sinceMs: number
  /** How long it may be idle; undefined for as long as all others. */
  readonly keepAliveMs: number | undefined
  readonly #coldStartMs: number
  readonly #leaving = new AbortController()
  #faults = 0
  #abandoned = 0
  #value = 0

  constructor(instance: Instance, phases: StartPhases | undefined, nowMs: number, keepAliveMs?: number) {
    this.instance = instance
    this.connections = openConnections(instance.endpoint)
    this.phases = phases
    this.idleSinceMs = nowMs
    this.sinceMs = nowMs
    this.keepAliveMs = keepAliveMs
    this.#coldStartMs = phases?.totalMs ?? UNKNOWN_START_MS
  }

  /** What keeping it is worth, as of its last use (`admission/eviction.ts`). */
  get value(): number {
    return this.#value
  }

  /** Aborts once it was told to end, or has ended by itself. */
  get leaving(): AbortSignal {
    return this.#leaving.signal
  }

  leave(): void {
    this.#leaving.abort(new ErrandError('task_gone', 'the instance is leaving'))
  }

  get isIdle(): boolean {
    return this.turns === 0 && !this.isRetired
  }

  becomeIdle(nowMs: number, agingClock: number): void {
    this.idleSinceMs = nowMs
    const { memoryBytes } = this.instance.resources
    this.#value = keepValue({ clock: agingClock, uses: this.uses, coldStartMs: this.#coldStartMs, memoryBytes })
  }

  noteSuccess(): void {
    this.uses += 1
    this.#faults = 0
    this.#abandoned = 0
  }

  /** Requests that it is answering fail with `reason`. Before its address can belong to another instance. */
  disconnect(reason: Error): Promise<void> {
    return this.connections.destroy(reason)
  }

  /** True when it is time to ask whether it answers at all: its callers may be less patient than our deadline. */
  noteAbandoned(): boolean {
    this.#abandoned += 1
    return this.#abandoned % MOST_ABANDONED === 0
  }

  /** True when it has failed so often that it should be replaced. */
  noteFault(): boolean {
    this.#faults += 1
    return this.#faults >= MOST_FAULTS
  }
}
