import type { IncomingMessage, ServerResponse } from 'node:http'
import type { z } from 'zod'
import type { Cancellation } from '../../core/cancellation.ts'
import type { Clock } from '../../core/clock.ts'
import { readValue } from '../../core/read-value.ts'
import type { ExecutionsApi } from '../../service/executions-api.ts'
import type { LaterApi } from '../../service/invocations/later-api.ts'
import type { NodeApi } from '../../service/node-api.ts'
import type { NamedTasksApi } from '../../service/tasks/named-tasks.ts'
import type { ByteBudget } from '../../util/byte-budget.ts'
import type { Principal } from '../auth.ts'
import type { Operation } from '../contract/operation.ts'
import { emptyBody, noQuery } from '../contract/requests.ts'
import type { JsonObject } from '../json-body.ts'
import type { Slots } from './slots.ts'

/** What routes work with. */
export interface V1Deps {
  readonly executions: ExecutionsApi
  readonly node: NodeApi
  /** This node's name. */
  readonly nodeName: string
  /** Of Errand. */
  readonly version: string
  readonly clock: Clock
  /** Answers that can each hold an open file beside their connection. Shared by all listeners. */
  readonly streams: Slots
  /** Answers that hold next to nothing until they come. Shared by all listeners. */
  readonly waits: Slots
  readonly tasks: NamedTasksApi
  readonly later: LaterApi
  /** Of one request that is answered later. */
  readonly maxLaterBytes: number
  /** What all bodies of requests under way may hold in memory, on all listeners. */
  readonly bodies: ByteBudget
}

/** One request of a known caller, as far as it is the same for all routes. */
export interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly principal: Principal
  /** The first id in the path; empty for a path that has none. */
  readonly id: string
  /** What stands in the place of `{path...}`, as it came; empty without one. */
  readonly tail: string
  /** As it came; what it says is the task's own affair where a request is passed through. */
  readonly queryText: string
  readonly query: unknown
  /** Empty where the body is read by the route itself. */
  readonly body: JsonObject
  /** Happens when the caller leaves, or may not go on. */
  readonly cancellation: Cancellation
}

/** A whole answer. */
export interface Reply<Value = unknown> {
  readonly status: number
  /** Absent for 204. */
  readonly value?: Value & object
  readonly headers?: Readonly<Record<string, string>>
}

export interface Route {
  readonly operation: Operation<unknown, unknown, unknown, unknown>
  /** Undefined when it has answered itself. */
  run(exchange: Exchange, deps: V1Deps): Promise<Reply | undefined>
}

/** A call whose query and body are what its operation says. */
interface Call<Body, Query> extends Omit<Exchange, 'query' | 'body'> {
  readonly query: Query
  readonly body: Body
  /** The body as it came. */
  readonly rawBody: JsonObject
  /** Of the cancellation. */
  readonly signal: AbortSignal
}

type Handle<Value, Body, Query> = (call: Call<Body, Query>, deps: V1Deps) => Promise<Reply<Value> | undefined>

/** How an operation is served. What is wrong with a request is told all at once. */
export function route<Value, Body, Query>(
  operation: Operation<Value, Body, Query, unknown>,
  handle: Handle<Value, Body, Query>,
): Route {
  // An operation that names no schema takes nothing, and its types say so.
  const query = (operation.query ?? noQuery) as z.ZodType<Query>
  const body = (operation.body ?? emptyBody) as z.ZodType<Body>
  return {
    operation,
    run: async (exchange, deps) => {
      const call = {
        ...exchange,
        query: readValue(query, exchange.query, { what: 'query' }),
        body: readValue(body, exchange.body, { what: 'body' }),
        rawBody: exchange.body,
        signal: exchange.cancellation.signal,
      }
      return handle(call, deps)
    },
  }
}
