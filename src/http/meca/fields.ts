import { isObject, type JsonObject } from '../json-body.ts'

/** A body that the MECA face answers with 400 and a bare string: not JSON, a wrong type, or a field missing. */
export class MalformedRequest extends Error {}

/** Told of each key that nobody reads. */
export type OnUnknownKey = (key: string) => void

export function reportUnknownKeys(body: JsonObject, known: ReadonlySet<string>, onUnknownKey: OnUnknownKey): void {
  for (const key in body) if (!known.has(key)) onUnknownKey(key)
}

/** @throws MalformedRequest unless it is a string */
export function requiredText(value: unknown): string {
  if (typeof value !== 'string') throw new MalformedRequest()
  return value
}

// Optional fields may be null: clients in languages without "absent" send it, and the original took it.

/** @throws MalformedRequest unless it is a string, null or absent */
export function optionalText(value: unknown): string | undefined {
  return value === undefined || value === null ? undefined : requiredText(value)
}

/** @throws MalformedRequest unless it is a number, null or absent */
export function optionalNumber(value: unknown): number | undefined {
  if (value === undefined || value === null) return undefined
  if (typeof value !== 'number') throw new MalformedRequest()
  return value
}

/** @throws MalformedRequest unless it is a boolean, null or absent */
export function optionalFlag(value: unknown): boolean {
  if (value === undefined || value === null) return false
  if (typeof value !== 'boolean') throw new MalformedRequest()
  return value
}

/** @throws MalformedRequest unless it is an object, null or absent */
export function optionalObject(value: unknown): JsonObject | undefined {
  if (value === undefined || value === null) return undefined
  if (!isObject(value)) throw new MalformedRequest()
  return value
}
