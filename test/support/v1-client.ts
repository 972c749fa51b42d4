import { ErrandClient } from '../../src/client/client.ts'
import { type ExecutionStatus, isTerminal } from '../../src/core/execution.ts'
import type { EventView } from '../../src/http/contract/event-view.ts'
import type { ExecutionBody } from '../../src/http/contract/execution-body.ts'
import type { ExecutionView } from '../../src/http/contract/execution-view.ts'
import type { Address } from './http-call.ts'

/** For an event that should have been kept. */
const MOST_WAITING_MS = 60_000

/** The client on a unix socket, with what tests look at beside. A node that is away fails its calls at once. */
export class V1Client implements AsyncDisposable {
  readonly address: Address
  readonly errand: ErrandClient

  constructor(socketPath: string) {
    this.address = `unix:${socketPath}`
    this.errand = new ErrandClient({ url: this.address, patienceMs: 0 })
  }

  /** The same key may be sent any number of times. */
  submit(body: ExecutionBody, idempotencyKey: string): Promise<ExecutionView> {
    return this.errand.executions.submit(body, { idempotencyKey })
  }

  get(id: string): Promise<ExecutionView> {
    return this.errand.executions.get(id)
  }

  async cancel(id: string): Promise<void> {
    await this.errand.executions.cancel(id)
  }

  /** However long that takes, and however often the node dies once it has answered. */
  wait(id: string): Promise<ExecutionView> {
    return this.errand.executions.wait(id)
  }

  /** Resolves once an execution has come to a status. */
  async until(id: string, status: ExecutionStatus): Promise<void> {
    await this.#events((event) => event.execution === id && event.status === status)
  }

  /** What it has printed, on both streams, where that is text. */
  async log(id: string): Promise<string> {
    const lines = await Array.fromAsync(this.errand.executions.logs(id))
    return lines.map(({ data }) => data).join('')
  }

  /** Every execution that is known, the youngest first. */
  list(): Promise<ExecutionView[]> {
    return Array.fromAsync(this.errand.executions.list({ limit: 200 }))
  }

  /** All that were kept until each of these executions had ended, or until no end comes for a while. */
  eventsUntilEndsOf(ids: readonly string[]): Promise<EventView[]> {
    const living = new Set(ids)
    return this.#events(({ execution, status }) => {
      if (isTerminal(status)) living.delete(execution)
      return living.size === 0
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.errand.close()
  }

  /** From the first that is kept to the first that is `last`, past or to come. */
  async #events(isLast: (event: EventView) => boolean): Promise<EventView[]> {
    const events: EventView[] = []
    const patience = AbortSignal.timeout(MOST_WAITING_MS)
    try {
      for await (const event of this.errand.events({ since: 0, signal: patience })) {
        if (event.name !== 'execution') continue
        events.push(event.execution)
        if (isLast(event.execution)) break
      }
    } catch (error) {
      if (!patience.aborted) throw error
    }
    return events
  }
}
