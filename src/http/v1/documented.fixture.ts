import assert from 'node:assert/strict'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import formats from 'ajv-formats'
import { openApiDocument, type ResponseEntry } from '../openapi/document.ts'
import type { JsonSchema } from '../openapi/json-schema.ts'
import type { Answer } from '../wire-kit.fixture.ts'
import { RouteTable } from './route-table.ts'
import { V1_OPERATIONS, V1_ROUTES } from './routes.ts'

// Whether what /v1 answers is what its document says. Stricter than the document itself, which lets later versions add
// fields: here a field that it does not name fails.

const DOCUMENT = openApiDocument(V1_OPERATIONS, 'test')
const TABLE = new RouteTable(V1_ROUTES)
/** What any request may be refused with before its path matters. */
const OF_HTTP: ReadonlySet<number> = new Set([400, 404, 405, 406, 408, 412, 413, 415, 421, 431])
const VALIDATORS = new Map<string, ValidateFunction>()

/** @throws AssertionError for an answer of one of our paths that the document does not know */
export function assertDocumented(method: string, target: string, { status, headers, text }: Answer): void {
  // Whatever a task answers is its own.
  if (headers['errand-instance'] !== undefined) return
  const found = TABLE.match(method, target.split('?', 1)[0] ?? '')
  if (!('route' in found)) return
  const { path } = found.route.operation
  const entries = DOCUMENT.paths[path.replace('/{path...}', '{path}')]
  const entry = entries?.[method.toLowerCase()] ?? (method === 'HEAD' ? entries?.get : undefined)
  const where = `${method} ${path} ${status}`
  assert.ok(entry, where)
  const documented = entry.responses[status]
  const type = headers['content-type']?.split(';', 1)[0]
  if (documented === undefined) assert.ok(OF_HTTP.has(status), `${where} is not documented: ${text.slice(0, 300)}`)
  else if (method === 'HEAD') assert.equal(text, '', where)
  else if (type === 'application/problem+json') assertCode(where, documented, text)
  else if (type === 'application/json') assertShape(where, documented.content?.[type]?.schema, JSON.parse(text))
  else assert.ok(type === undefined || documented.content?.[type], `${where} as ${type} is not documented`)
}

function assertCode(where: string, { description }: ResponseEntry, text: string): void {
  const { code, status } = JSON.parse(text) as { code: string; status: number }
  assert.ok(description.includes(`\`${code}\``) || OF_HTTP.has(status), `${where} ${code} is not documented`)
}

function assertShape(where: string, schema: JsonSchema | undefined, value: unknown): void {
  assert.ok(schema, `${where} is documented to have no JSON`)
  const validate = VALIDATORS.get(where) ?? compile(schema)
  VALIDATORS.set(where, validate)
  assert.ok(validate(value), `${where}: ${JSON.stringify(validate.errors)}`)
}

function compile(schema: JsonSchema): ValidateFunction {
  const ajv = new Ajv2020({ strict: false, allErrors: true })
  formats.default(ajv)
  return ajv.compile(closed({ ...schema, components: DOCUMENT.components }) as object)
}

/** The same with no other properties than those that are named. */
function closed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(closed)
  if (typeof value !== 'object' || value === null) return value
  const inner = Object.fromEntries(Object.entries(value).map(([key, each]) => [key, closed(each)]))
  return 'properties' in inner && !('additionalProperties' in inner) ? { ...inner, additionalProperties: false } : inner
}
