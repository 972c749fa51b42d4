import type { Clock } from '../../core/clock.ts'
import { ErrandError } from '../../core/errors.ts'
import { canMove, type ExecutionStatus, isTerminal } from '../../core/execution.ts'
import type { Log } from '../../core/log.ts'
import { sleep } from '../../core/wait.ts'
import type { Journal } from '../../journal/journal.ts'
import { Backoff } from '../../util/backoff.ts'
import { Serial } from '../../util/serial.ts'
import type { ExecutionRecord, ExecutionTimes } from '../executor.ts'
import type { ExecutionWatcher } from './execution-watcher.ts'

type Changes = Partial<Omit<ExecutionRecord, 'executionId' | 'executorId' | 'status' | 'times'>>

/** Which time is taken at the first coming into a status; terminal ones share `endedMs`. */
const TIME_OF: Record<ExecutionStatus, keyof ExecutionTimes | undefined> = {
  accepted: 'acceptedMs',
  queued: 'queuedMs',
  pulling: 'pullingMs',
  creating: 'creatingMs',
  running: 'runningMs',
  paused: undefined,
  finalizing: 'finalizingMs',
  succeeded: 'endedMs',
  failed: 'endedMs',
  cancelled: 'endedMs',
  timed_out: 'endedMs',
  lost: 'endedMs',
}

/** The record of one execution while it lives. The only writer of its status; what it says is in the journal. */
export class TrackedRecord {
  readonly #journal: Journal<ExecutionRecord>
  readonly #clock: Clock
  readonly #listeners = new Set<() => void>()
  readonly #changes = new Serial()
  readonly #watchers: readonly ExecutionWatcher[]
  #record: ExecutionRecord
  #insistence: Insistence | undefined

  constructor(
    journal: Journal<ExecutionRecord>,
    clock: Clock,
    record: ExecutionRecord,
    watchers: readonly ExecutionWatcher[] = [],
  ) {
    this.#journal = journal
    this.#clock = clock
    this.#record = record
    this.#watchers = watchers
  }

  get value(): ExecutionRecord {
    return this.#record
  }

  get status(): ExecutionStatus {
    return this.#record.status
  }

  /**
   * From now on a change that the journal cannot keep for now is tried again until it can: what has begun to run cannot be
   * undone for want of room to say so. Until `signal` aborts, and then one try is made.
   */
  insist(log: Log, signal: AbortSignal): void {
    this.#insistence = { log, signal }
  }

  /** @throws internal for a move that is none; what the journal throws, and then nothing has changed */
  async move(status: ExecutionStatus, changes: Changes = {}): Promise<void> {
    await this.#change((record) => this.#moved(record, status, changes), this.#insistence)
  }

  /** As `move`, but for a change that can be undone: it never insists. */
  async tryMove(status: ExecutionStatus): Promise<void> {
    await this.#change((record) => this.#moved(record, status, {}), undefined)
  }

  /**
   * Back into the queue, for the next attempt.
   * @throws internal where it may be run once only; what the journal throws
   */
  async tryAgain(why: string, changes: Pick<ExecutionRecord, 'logs'>): Promise<void> {
    await this.#change((record) => {
      if (!canMove(record.status, 'queued', record.request.idempotent)) {
        throw new ErrandError('internal', `execution ${record.executionId} may not be tried again`)
      }
      const { step: _step, host: _host, image: _image, ...rest } = record
      const warnings = [...record.warnings, `attempt ${record.attempt}: ${why}`]
      const times = { acceptedMs: record.times.acceptedMs, queuedMs: this.#clock.wallMs() }
      return { ...rest, ...changes, status: 'queued', attempt: record.attempt + 1, warnings, times, ports: [] }
    }, this.#insistence)
  }

  /** Changes what is known, not where it stands. */
  async amend(changes: Changes): Promise<void> {
    await this.#change((record) => ({ ...record, ...changes }), this.#insistence)
  }

  /** As `amend`, but never insists. */
  async tryAmend(changes: Changes): Promise<void> {
    await this.#change((record) => ({ ...record, ...changes }), undefined)
  }

  /**
   * Resolves once it is in `status`, or when it has been there and cannot come back.
   * @throws already_ended as soon as it can never come to be; signal.reason
   */
  async reached(status: ExecutionStatus, signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const look = (): void => {
      const found = this.#standing(status)
      if (found === 'reached') resolve()
      if (found === 'never') reject(this.#neverError(status))
    }
    const onAbort = (): void => reject(signal.reason)
    signal.throwIfAborted()
    this.#listeners.add(look)
    signal.addEventListener('abort', onAbort, { once: true })
    look()
    try {
      await promise
    } finally {
      this.#listeners.delete(look)
      signal.removeEventListener('abort', onAbort)
    }
  }

  #standing(status: ExecutionStatus): 'reached' | 'open' | 'never' {
    if (this.status === status) return 'reached'
    const isOver = isTerminal(this.status)
    if (status === 'paused' || isTerminal(status)) return isOver ? 'never' : 'open'
    const time = TIME_OF[status]
    const wasThere = time !== undefined && this.#record.times[time] !== undefined
    if (wasThere && !canComeBack(this.status, status)) return 'reached'
    return isOver ? 'never' : 'open'
  }

  #neverError(status: ExecutionStatus): ErrandError {
    const { executionId } = this.#record
    return new ErrandError('already_ended', `execution ${executionId} is ${this.status}; it will never be ${status}`, {
      details: { executionId, status: this.status },
    })
  }

  #timesIn({ times }: ExecutionRecord, status: ExecutionStatus): ExecutionTimes {
    const time = TIME_OF[status]
    return time === undefined || times[time] !== undefined ? times : { ...times, [time]: this.#clock.wallMs() }
  }

  #moved(record: ExecutionRecord, status: ExecutionStatus, changes: Changes): ExecutionRecord {
    if (!canMove(record.status, status)) {
      throw new ErrandError('internal', `execution ${record.executionId} cannot go from ${record.status} to ${status}`)
    }
    return { ...record, ...changes, status, times: this.#timesIn(record, status) }
  }

  async #change(next: (record: ExecutionRecord) => ExecutionRecord, insistence: Insistence | undefined): Promise<void> {
    await this.#changes.run(async () => {
      const before = this.#record
      const record = next(before)
      if (insistence === undefined) await this.#journal.save(record)
      else await this.#keep(record, insistence)
      this.#record = record
      if (record.status !== before.status) for (const watcher of this.#watchers) watcher.moved(record, before)
      for (const listener of this.#listeners) listener()
    })
  }

  async #keep(record: ExecutionRecord, { log, signal }: Insistence): Promise<void> {
    const backoff = new Backoff(200, 10_000)
    for (;;) {
      try {
        return await this.#journal.save(record)
      } catch (error) {
        if (signal.aborted || ErrandError.from(error).retryAfterMs === undefined) throw error
        const { executionId, status } = record
        log.warn({ err: error, execution: executionId, status }, 'the journal cannot keep what became of an execution')
        await sleep(this.#clock, backoff.nextMs(), signal)
      }
    }
  }
}

interface Insistence {
  readonly log: Log
  readonly signal: AbortSignal
}

/** Only freezing and thawing go back and forth. */
function canComeBack(from: ExecutionStatus, to: ExecutionStatus): boolean {
  return from === 'paused' && to === 'running'
}
