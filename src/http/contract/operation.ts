import type { z } from 'zod'
import type { ErrorCode } from '../../core/errors.ts'
import type { Scope } from './scope.ts'

export type Method = 'GET' | 'PUT' | 'POST' | 'PATCH' | 'DELETE'

/** What an operation without a body, or without a query, takes. */
export type Nothing = Record<string, never>

/**
 * One thing that may be asked of /v1, said once: the server reads requests by it, the client is typed by it, and the
 * OpenAPI document is made of it. `Value` is what a good answer carries as JSON, undefined for none. `Body` and `Query` are
 * what is understood; `BodyIn` is what may be written, where more than one notation means the same.
 */
export interface Operation<Value, Body = Nothing, Query = Nothing, BodyIn = Body> {
  /** Of the document, and of code made from it. Stable. */
  readonly id: string
  /** `ANY`: whatever it is, it is not ours to understand. */
  readonly method: Method | 'ANY'
  /** With `{name}` for each part that the caller chooses, always an id, and `{path...}` at the end for any rest. */
  readonly path: string
  readonly scope: Scope
  readonly tag: Tag
  /** One sentence. */
  readonly summary: string
  readonly description?: string
  readonly query?: z.ZodType<Query>
  /** What may be in the query more than once: the schema gets a list of each. */
  readonly repeated?: readonly string[]
  /** JSON. Absent when none is taken. */
  readonly body?: z.ZodType<Body, BodyIn>
  /** In place of `body`, the content type of what is read as it comes; any type for `*`. */
  readonly streamedBody?: string
  /** Headers that mean something here, with what they mean. */
  readonly headers?: Readonly<Record<string, string>>
  /** Every good answer by its status. */
  readonly answers: Readonly<Record<number, OperationAnswer<Value>>>
  /** How it may be refused, beside what holds for all of them. */
  readonly errors?: readonly ErrorCode[]
  readonly examples?: Readonly<Record<string, OperationExample<BodyIn>>>
}

type Tag = 'executions' | 'tasks' | 'instances' | 'invocations' | 'node'

interface OperationAnswer<Value> {
  readonly description: string
  /** JSON. */
  readonly value?: z.ZodType<Value>
  /** What else, or instead, it may be, by content type; the schema of one line or event, if it has one. */
  readonly streams?: Readonly<Record<string, z.ZodType | undefined>>
  readonly headers?: Readonly<Record<string, string>>
}

/** A request that is good as it stands. */
interface OperationExample<BodyIn> {
  readonly summary: string
  readonly body?: BodyIn
  readonly query?: Readonly<Record<string, string>>
}
