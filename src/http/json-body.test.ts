import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseJsonObject } from './json-body.ts'

function nested(depth: number, open = '[', close = ']'): Buffer {
  return Buffer.from(`{"a":${open.repeat(depth - 1)}0${close.repeat(depth - 1)}}`)
}

test('nesting is taken up to 32 levels and refused above, however deep', () => {
  assert.notEqual(parseJsonObject(nested(31)), undefined)
  assert.notEqual(parseJsonObject(nested(32)), undefined)
  assert.notEqual(parseJsonObject(nested(32, '{"a":', '}')), undefined)
  for (const depth of [33, 34, 1000, 1_000_000]) {
    assert.equal(parseJsonObject(nested(depth)), undefined, `${depth} arrays`)
    assert.equal(parseJsonObject(nested(depth, '{"a":', '}')), undefined, `${depth} objects`)
  }
})

test('an unfinished heap of a million openers is refused', () => {
  for (const opener of ['[', '{', '{"a":', '[{"a":']) {
    assert.equal(parseJsonObject(Buffer.from(opener.repeat(1_000_000))), undefined, opener)
  }
})

test('brackets within strings, and many that do not nest, are no depth', () => {
  const texts = ['['.repeat(100), `"${'{'.repeat(100)}`, `\\${'['.repeat(100)}`, `\\\\"${'['.repeat(100)}"\\`]
  for (const input of texts) assert.deepEqual(parseJsonObject(Buffer.from(JSON.stringify({ input }))), { input })
  const wide = { list: Array.from({ length: 1000 }, () => [{}]) }
  assert.deepEqual(parseJsonObject(Buffer.from(JSON.stringify(wide))), wide)
})

test('depth hidden behind a string that ends in backslashes is found', () => {
  const deep = '['.repeat(40) + ']'.repeat(40)
  assert.equal(parseJsonObject(Buffer.from(`{"a":"\\\\","b":${deep}}`)), undefined)
  assert.equal(parseJsonObject(Buffer.from(`{"a":"\\"","b":${deep}}`)), undefined)
})
