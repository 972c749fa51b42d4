import assert from 'node:assert/strict'
import { test } from 'node:test'
import { executionBody } from '../contract/execution-body.ts'
import { namedTaskBody } from '../contract/task-body.ts'
import { type JsonSchema, SchemaCollector } from './json-schema.ts'

/** Plain enough without a word. */
const PLAIN = /\.content$/

/** Where fields are of which nothing is said. */
function mute(schema: JsonSchema, path: string): string[] {
  const below = Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    const here = `${path}.${name}`
    return [...(field.description === undefined && !PLAIN.test(here) ? [here] : []), ...mute(field, here)]
  })
  const items = schema.items === undefined ? [] : mute(schema.items, `${path}.items`)
  return [...below, ...items, ...(schema.anyOf ?? []).flatMap((each) => mute(each, path))]
}

test('every field that may be written of an execution, or of a task, is described', () => {
  for (const [name, body] of Object.entries({ executionBody, namedTaskBody })) {
    assert.deepEqual(mute(new SchemaCollector().written(body), name), [])
  }
})

test('0 cores, and 0 bytes, are said to be the defaults', () => {
  const { properties } = new SchemaCollector().written(namedTaskBody)
  const { cpu, memory } = properties?.resources?.properties ?? {}
  assert.match(cpu?.description ?? '', /Absent or 0: 1\./)
  assert.match(memory?.description ?? '', /Absent or 0: 128 MiB\./)
})
