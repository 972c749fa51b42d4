import type { OpenApiDocument, OperationEntry } from '../src/http/openapi/document.ts'
import type { JsonSchema } from '../src/http/openapi/json-schema.ts'

type Schemas = OpenApiDocument['components']['schemas']

/** Everything in which programs written for `before` would fail with `after`, one sentence each; empty when nothing is. */
export function breakingChanges(before: OpenApiDocument, after: OpenApiDocument): string[] {
  const schemas = { before: before.components.schemas, after: after.components.schemas }
  return Object.entries(before.paths).flatMap(([path, entries]) =>
    Object.entries(entries).flatMap(([method, entry]) => {
      const next = after.paths[path]?.[method]
      const where = `${method.toUpperCase()} ${path}`
      return next === undefined ? [`${where} is gone`] : operationChanges(where, entry, next, schemas)
    }),
  )
}

interface Both {
  readonly before: Schemas
  readonly after: Schemas
}

function operationChanges(where: string, before: OperationEntry, after: OperationEntry, schemas: Both): string[] {
  return [
    ...(before['x-scope'] === after['x-scope'] ? [] : [`${where} needs the scope ${after['x-scope']}`]),
    ...(before.operationId === after.operationId ? [] : [`${where} is called ${after.operationId}`]),
    ...parameterChanges(where, before, after, schemas),
    ...bodyChanges(`${where}: the body`, before, after, schemas),
    ...answerChanges(where, before, after, schemas),
  ]
}

function parameterChanges(where: string, before: OperationEntry, after: OperationEntry, schemas: Both): string[] {
  const { parameters: known = [] } = before
  const { parameters: now = [] } = after
  const kept = known.flatMap(({ name, in: place, schema }) => {
    const next = now.find((other) => other.name === name && other.in === place)
    if (next === undefined) return [`${where}: the parameter ${name} is gone`]
    return writtenChanges(`${where}: the parameter ${name}`, schema, next.schema, schemas)
  })
  const demanded = now.filter(
    ({ name, required }) => required && !known.some((other) => other.name === name && other.required),
  )
  return [...kept, ...demanded.map(({ name }) => `${where}: the parameter ${name} is demanded`)]
}

function bodyChanges(where: string, before: OperationEntry, after: OperationEntry, schemas: Both): string[] {
  const { requestBody: known } = before
  const { requestBody: now } = after
  const demanded = now?.required === true && known?.required !== true ? [`${where} is demanded`] : []
  const changed = Object.entries(known?.content ?? {}).flatMap(([type, { schema }]) => {
    const next = now?.content[type]
    if (next === undefined) return [`${where} is not taken as ${type} any more`]
    return schema === undefined ? [] : writtenChanges(where, schema, next.schema ?? {}, schemas)
  })
  return [...demanded, ...changed]
}

/** New answers to what was refused before break nobody; good ones that are gone, or say less, do. */
function answerChanges(where: string, before: OperationEntry, after: OperationEntry, schemas: Both): string[] {
  return Object.entries(before.responses).flatMap(([status, { content = {} }]) => {
    const next = after.responses[status]
    const isGood = status.startsWith('2')
    if (next === undefined) return isGood ? [`${where} does not answer ${status} any more`] : []
    return Object.entries(content).flatMap(([type, { schema }]) => {
      const other = next.content?.[type]
      if (other === undefined) return [`${where} does not answer ${status} as ${type} any more`]
      return schema === undefined ? [] : answeredChanges(`${where}: ${status}`, schema, other.schema ?? {}, schemas)
    })
  })
}

/** What may be written may become more, never less. */
function writtenChanges(where: string, before: JsonSchema, after: JsonSchema, schemas: Both): string[] {
  const [known, now] = [resolve(before, schemas.before), resolve(after, schemas.after)]
  if (known.anyOf !== undefined || now.anyOf !== undefined) return same(where, known, now)
  const demanded = (now.required ?? []).filter((name) => !(known.required ?? []).includes(name))
  return [
    ...typesOf(known)
      .filter((type) => !typesOf(now).includes(type) && now.type !== undefined)
      .map((type) => `${where} may not be ${type} any more`),
    ...missing(known.enum, now.enum).map((value) => `${where} may not be ${JSON.stringify(value)} any more`),
    ...narrowed(where, known, now),
    ...demanded.map((name) => `${where} must have ${name}`),
    ...Object.entries(known.properties ?? {}).flatMap(([name, schema]) => {
      const next = now.properties?.[name]
      if (next === undefined) return [`${where} may not have ${name} any more`]
      return writtenChanges(`${where}.${name}`, schema, next, schemas)
    }),
    ...(known.items === undefined ? [] : writtenChanges(`${where}[]`, known.items, now.items ?? {}, schemas)),
  ]
}

/** What is answered may have more fields and further words; what was there stays, and stays what it was. */
function answeredChanges(where: string, before: JsonSchema, after: JsonSchema, schemas: Both): string[] {
  const [known, now] = [resolve(before, schemas.before), resolve(after, schemas.after)]
  if (known.anyOf !== undefined || now.anyOf !== undefined) return same(where, known, now)
  const optional = (known.required ?? []).filter((name) => !(now.required ?? []).includes(name))
  return [
    ...typesOf(now)
      .filter((type) => !typesOf(known).includes(type) && known.type !== undefined)
      .map((type) => `${where} may be ${type} now`),
    ...optional.map((name) => `${where}.${name} may be absent now`),
    ...Object.entries(known.properties ?? {}).flatMap(([name, schema]) => {
      const next = now.properties?.[name]
      if (next === undefined) return [`${where}.${name} is gone`]
      return answeredChanges(`${where}.${name}`, schema, next, schemas)
    }),
    ...(known.items === undefined ? [] : answeredChanges(`${where}[]`, known.items, now.items ?? {}, schemas)),
  ]
}

const AT_LEAST = ['minimum', 'minLength', 'minItems']
const AT_MOST = ['maximum', 'maxLength', 'maxItems']

function narrowed(where: string, known: JsonSchema, now: JsonSchema): string[] {
  const bounds = [
    ...AT_LEAST.filter((key) => numberOf(now, key, -Infinity) > numberOf(known, key, -Infinity)),
    ...AT_MOST.filter((key) => numberOf(now, key, Infinity) < numberOf(known, key, Infinity)),
  ]
  const isStricter = now.pattern !== undefined && now.pattern !== known.pattern
  return [
    ...bounds.map((key) => `${where}: ${key} is narrower`),
    ...(isStricter ? [`${where}: the pattern changed`] : []),
  ]
}

function numberOf(schema: JsonSchema, key: string, otherwise: number): number {
  const value = schema[key]
  return typeof value === 'number' ? value : otherwise
}

function same(where: string, known: JsonSchema, now: JsonSchema): string[] {
  return textOf(known) === textOf(now) ? [] : [`${where} is another choice`]
}

/** Without what is said to people; a field that is called `description` is no text. */
function textOf(schema: JsonSchema): string {
  const isForPeople = (key: string, value: unknown): boolean => key === 'description' && typeof value === 'string'
  return JSON.stringify(schema, (key, value: unknown) => (isForPeople(key, value) ? undefined : value))
}

function missing(known: readonly unknown[] | undefined, now: readonly unknown[] | undefined): unknown[] {
  if (now === undefined) return []
  return known === undefined ? ['what it was'] : known.filter((value) => !now.includes(value))
}

function typesOf({ type }: JsonSchema): readonly string[] {
  return type === undefined ? [] : [type].flat()
}

function resolve(schema: JsonSchema, schemas: Schemas): JsonSchema {
  if (schema.$ref === undefined) return schema
  return schemas[schema.$ref.slice(schema.$ref.lastIndexOf('/') + 1)] ?? {}
}
