import type { z } from 'zod'
import { ErrandError, type ErrorDetails } from './errors.ts'

const MOST_PROBLEMS = 20
const MOST_TEXT = 500

/** What is wrong with one field of what a caller has sent. */
interface Problem {
  /** `task.cmd.0`; empty for the whole. */
  readonly path: string
  readonly message: string
}

interface Reading {
  /** What is read, in the words of a refusal, such as `body`. Default: nothing is said. */
  readonly what?: string
  /** Where it stands in what the caller has sent. */
  readonly at?: readonly string[]
}

/**
 * What `schema` makes of a value that somebody else has sent.
 * @throws validation_failed with `details.problems`: the first 20 of `{path, message}`
 */
export function readValue<T>(schema: z.ZodType<T>, value: unknown, { what = '', at = [] }: Reading = {}): T {
  const { success, data, error } = schema.safeParse(value)
  if (success) return data
  const problems = error.issues.slice(0, MOST_PROBLEMS).map(({ path, message }) => toProblem([...at, ...path], message))
  throw refusalOf(problems, what)
}

/** The refusal of one field, as of many. Its `details` have those given beside the problem. */
export function invalidField(path: string, message: string, details: ErrorDetails = {}): ErrandError {
  return refusalOf([toProblem([path], message)], '', details)
}

/** The same refusal with other names of its fields: those that whoever is told has used. Other errors stay as they are. */
export function renameFields(error: unknown, rename: (path: string) => string): unknown {
  if (!(error instanceof ErrandError) || error.code !== 'validation_failed') return error
  const { problems, ...details } = error.details
  if (!isProblems(problems)) return error
  const renamed = problems.map(({ path, message }) => toProblem([rename(path)], message))
  return refusalOf(renamed, '', details)
}

function isProblems(value: unknown): value is readonly Problem[] {
  return (
    Array.isArray(value) && value.every((each) => typeof each?.path === 'string' && typeof each.message === 'string')
  )
}

function toProblem(path: readonly PropertyKey[], message: string): Problem {
  return { path: path.map(String).join('.').slice(0, MOST_TEXT), message: message.slice(0, MOST_TEXT) }
}

function refusalOf(problems: readonly Problem[], what: string, details: ErrorDetails = {}): ErrandError {
  const [{ path, message } = { path: '', message: 'is not valid' }] = problems
  const text = [what, path, message].filter((part) => part !== '').join(': ')
  return new ErrandError('validation_failed', text.slice(0, MOST_TEXT), { details: { ...details, problems } })
}
