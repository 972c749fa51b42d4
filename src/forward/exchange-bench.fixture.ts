import assert from 'node:assert/strict'
import { Cancellation } from '../core/cancellation.ts'
import { Deadlines } from '../core/deadlines.ts'
import { ErrandError, type ErrorCode } from '../core/errors.ts'
import { ManualClock } from '../core/manual-clock.ts'
import { ByteBudget } from '../util/byte-budget.ts'
import { type Connections, openConnections } from './connections.ts'
import { exchange, type TaskRequest, type TaskResponse } from './exchange.ts'
import { type RawAnswer, RawServer } from './raw-server.fixture.ts'
import type { Unsent } from './task-exchange.ts'

export const POST: TaskRequest = { method: 'POST', path: '/', body: 'input' }
export const MAX_BYTES: number = 1000

/** One server, and the connections of a node to it. */
export class ExchangeBench implements AsyncDisposable {
  readonly clock: ManualClock = new ManualClock()
  readonly memory: ByteBudget = new ByteBudget(1024 * 1024)
  readonly server: RawServer
  maxResponseBytes: number = MAX_BYTES
  readonly connections: Connections
  readonly #deadlines = new Deadlines(this.clock)

  private constructor(server: RawServer) {
    this.server = server
    this.connections = openConnections(server.endpoint)
  }

  static async open(...answers: RawAnswer[]): Promise<ExchangeBench> {
    return new ExchangeBench(await RawServer.open(...answers))
  }

  /** Rejects where the request could not be sent. */
  async send(request: TaskRequest = POST, cancellation: Cancellation = new Cancellation()): Promise<TaskResponse> {
    const outcome = await this.attempt(request, cancellation)
    if ('unsent' in outcome) throw outcome.unsent
    return outcome
  }

  attempt(
    request: TaskRequest = POST,
    cancellation: Cancellation = new Cancellation(),
  ): Promise<TaskResponse | Unsent> {
    const { clock, memory, maxResponseBytes } = this
    const deps = { maxResponseBytes, deadlines: this.#deadlines, clock, memory }
    return exchange(this.connections, request, deps, cancellation)
  }

  async text(): Promise<string> {
    return String((await this.send()).body)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.connections.destroy()
    await this.server[Symbol.asyncDispose]()
  }
}

export function coded(code: ErrorCode): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof ErrandError)
    assert.equal(error.code, code, error.message)
    return true
  }
}
