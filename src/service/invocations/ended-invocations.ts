import type { Clock } from '../../core/clock.ts'
import { ErrandError } from '../../core/errors.ts'
import type { Log } from '../../core/log.ts'
import { abortable } from '../../util/abort.ts'
import { BackgroundWork } from '../../util/background-work.ts'
import { Serial } from '../../util/serial.ts'
import type { WebhookOutlet } from '../../webhooks/webhooks.ts'
import { KeptOnDisk } from '../executions/kept-on-disk.ts'
import { Retention } from '../retention.ts'
import { type EndedEntry, EndedLog } from './ended-log.ts'
import type { InvocationIndex } from './invocation-index.ts'
import type { InvocationLimits } from './invocation-limits.ts'
import type { InvocationRecord } from './invocation-record.ts'
import type { InvocationStore } from './invocation-store.ts'
import { KnownInvocation } from './known-invocation.ts'

interface EndedInvocationsDeps {
  readonly clock: Clock
  readonly log: Log
  readonly limits: Pick<InvocationLimits, 'retentionMs' | 'retentionBytes'>
  readonly webhooks: Pick<WebhookOutlet, 'settled'>
  readonly store: Pick<InvocationStore, 'usage'>
  readonly index: InvocationIndex
  /** Where it is written down which have ended. */
  readonly logPath: string
  /** Removes all that there is of one. */
  readonly remove: (id: string) => Promise<void>
}

/** Invocations that have ended, until their time or their room is over: the one that ended first goes first. */
export class EndedInvocations implements Disposable {
  readonly #deps: EndedInvocationsDeps
  readonly #background = new BackgroundWork()
  readonly #closing = new AbortController()
  readonly #byAge: Retention
  readonly #byRoom: KeptOnDisk
  readonly #list: EndedLog
  /** What need not be measured any more, or not once more. */
  readonly #measured = new Map<string, number>()
  /** There may be as many to measure at once as there are, after an upgrade for example. */
  readonly #measuring = new Serial()

  constructor(deps: EndedInvocationsDeps) {
    this.#deps = deps
    this.#list = new EndedLog(deps.logPath, deps.log)
    this.#byAge = new Retention(deps.clock, (id) => this.#background.add(this.#expireTold(id)))
    this.#byRoom = new KeptOnDisk({
      limitBytes: deps.limits.retentionBytes,
      measure: async (id, signal) => (await this.#measure(id, signal)) ?? 0,
      onDue: (id) => this.#background.add(this.#expire(id)),
    })
  }

  /** Those of which an earlier process knew that nothing is to be done with them any more. */
  list(): Promise<ReadonlyMap<string, EndedEntry>> {
    return this.#list.read()
  }

  /** In the order of their ends. @param bytes what it takes on disk, where that is known */
  keep({ id, endedMs = 0 }: Pick<InvocationRecord, 'id' | 'endedMs'>, bytes?: number): void {
    const { clock, limits } = this.#deps
    this.#byAge.keep(id, Math.max(0, endedMs + limits.retentionMs - clock.wallMs()))
    if (limits.retentionBytes === Infinity) return
    if (bytes !== undefined) this.#measured.set(id, bytes)
    this.#background.add(this.#byRoom.add(id))
  }

  /**
   * Nothing is to be done with it any more: the next process need not read its record. That is left to that one where it
   * could not be measured, or has not been before `until` aborts.
   */
  async enlist(record: InvocationRecord, until: AbortSignal = this.#closing.signal): Promise<void> {
    const { id, callerId, acceptedMs, endedMs = 0, key } = record
    const bytes = await this.#measure(id, until)
    if (bytes === undefined) return
    await this.#list.add({ id, callerId, acceptedMs, endedMs, bytes, key: key?.key })
  }

  /** It has gone, or is about to. */
  drop(id: string): void {
    this.#byAge.drop(id)
    this.#byRoom.drop(id)
    this.#measured.delete(id)
    this.#background.add(this.#list.trim(this.#deps.index))
  }

  /** What is being removed, told or written down. */
  async idle(): Promise<void> {
    this.#closing.abort(new ErrandError('draining', 'the node is stopping'))
    this.#byRoom[Symbol.dispose]()
    await this.#background.idle()
  }

  /** Nothing more is due. */
  [Symbol.dispose](): void {
    this.#byAge[Symbol.dispose]()
    this.#measured.clear()
  }

  /** Whoever is still to be told of it is told first. */
  async #expireTold(id: string): Promise<void> {
    try {
      await abortable(this.#deps.webhooks.settled(KnownInvocation.webhookIdOf(id)), this.#closing.signal)
    } catch {
      // The next process knows when it ended, too.
      return
    }
    await this.#expire(id)
  }

  async #expire(id: string): Promise<void> {
    try {
      if (this.#deps.index.has(id)) await this.#deps.remove(id)
    } catch (error) {
      this.#deps.log.warn({ err: error, invocation: id }, 'an old invocation could not be removed')
    }
  }

  /** Undefined when that has failed, or `signal` aborts before. Never rejects. */
  #measure(id: string, signal: AbortSignal): Promise<number | undefined> {
    return this.#measuring.run(() => this.#measureNow(id, signal))
  }

  async #measureNow(id: string, signal: AbortSignal): Promise<number | undefined> {
    if (signal.aborted) return undefined
    const { store, index, limits, log } = this.#deps
    const measured = this.#measured.get(id)
    this.#measured.delete(id)
    if (measured !== undefined) return measured
    try {
      const bytes = await store.usage(id, signal)
      // Once for its room, and once for the list.
      if (limits.retentionBytes !== Infinity && index.has(id)) this.#measured.set(id, bytes)
      return bytes
    } catch (error) {
      if (!signal.aborted && index.has(id)) {
        log.warn({ err: error, invocation: id }, 'what an invocation keeps was not measured')
      }
      return undefined
    }
  }
}
