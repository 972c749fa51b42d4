import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { breakingChanges } from '../scripts/api-changes.ts'
import { type OpenApiDocument, openApiDocument } from '../src/http/openapi/document.ts'
import { V1_OPERATIONS } from '../src/http/v1/routes.ts'

const released = readJson('../docs/openapi.json') as OpenApiDocument
const { version } = readJson('../package.json') as { version: string }
// As it is sent: what is absent and what is undefined are the same there.
const document = JSON.parse(JSON.stringify(openApiDocument(V1_OPERATIONS, version))) as OpenApiDocument

test('programs written for the last release work with this version', () => {
  assert.deepEqual(breakingChanges(released, document), [])
})

test('every kind of change that breaks a program is found', () => {
  const submit = ['paths', '/v1/executions', 'post'] as const
  const body = [...submit, 'requestBody', 'content', 'application/json', 'schema', 'properties'] as const
  const record = ['components', 'schemas', 'Execution'] as const
  const found = (path: readonly string[], value: unknown): string[] => breakingChanges(document, changed(path, value))
  assert.deepEqual(found(['paths', '/v1/node', 'get'], undefined), ['GET /v1/node is gone'])
  assert.deepEqual(found([...submit, 'x-scope'], 'admin'), ['POST /v1/executions needs the scope admin'])
  assert.deepEqual(found([...submit, 'operationId'], 'begin'), ['POST /v1/executions is called begin'])
  assert.deepEqual(found([...body, 'labels'], undefined), [
    'POST /v1/executions: the body may not have labels any more',
  ])
  assert.deepEqual(found([...body, 'idempotent', 'type'], 'string'), [
    'POST /v1/executions: the body.idempotent may not be boolean any more',
  ])
  assert.deepEqual(found([...body, 'priority', 'maximum'], 99), [
    'POST /v1/executions: the body.priority: maximum is narrower',
  ])
  assert.deepEqual(found([...body.slice(0, -1), 'required'], ['job']), ['POST /v1/executions: the body must have job'])
  assert.deepEqual(found([...submit, 'responses', '201'], undefined), [
    'POST /v1/executions does not answer 201 any more',
  ])
  assert.ok(
    found([...record, 'properties', 'status'], undefined).includes('GET /v1/executions/{id}: 200.status is gone'),
  )
  assert.ok(
    found([...record, 'properties', 'attempt', 'type'], 'string').includes(
      'GET /v1/executions/{id}: 200.attempt may be string now',
    ),
  )
  assert.ok(found([...record, 'required'], []).includes('GET /v1/executions/{id}: 200.status may be absent now'))
})

test('what only adds breaks nothing', () => {
  const more = structuredClone(document) as unknown as Record<string, Record<string, Record<string, unknown>>>
  Object.assign(more.paths ?? {}, { '/v1/new': {} })
  assert.deepEqual(breakingChanges(document, more as unknown as OpenApiDocument), [])
  const properties = ['requestBody', 'content', 'application/json', 'schema', 'properties'] as const
  const concurrency = ['paths', '/v1/tasks/{name}', 'put', ...properties, 'concurrency'] as const
  assert.deepEqual(breakingChanges(document, changed([...concurrency, 'description'], 'In other words.')), [])
  assert.notDeepEqual(breakingChanges(document, changed([...concurrency, 'anyOf'], [{ type: 'integer' }])), [])
  const record = ['components', 'schemas', 'Execution', 'properties', 'more']
  assert.deepEqual(breakingChanges(document, changed(record, { type: 'string' })), [])
})

/** A copy with another value at a place that is there. */
function changed(path: readonly string[], value: unknown): OpenApiDocument {
  const copy = structuredClone(document)
  let at = copy as unknown as Record<string, unknown>
  for (const key of path.slice(0, -1)) {
    at = at[key] as Record<string, unknown>
    assert.ok(at, `${path.join(' ')}: ${key}`)
  }
  const last = path.at(-1) ?? ''
  if (value === undefined) delete at[last]
  else at[last] = value
  return copy
}

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8'))
}
