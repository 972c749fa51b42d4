import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { ErrandError } from './errors.ts'
import { invalidField, readValue } from './read-value.ts'

const schema = z.strictObject({ list: z.array(z.int('must be whole')) })

function refusalOf(act: () => unknown): ErrandError {
  try {
    act()
  } catch (error) {
    if (error instanceof ErrandError) return error
  }
  throw new Error('nothing was refused')
}

test('what a schema takes is what it makes of it', () => {
  assert.deepEqual(readValue(schema, { list: [1] }), { list: [1] })
})

test('what is wrong is told field by field, and the first in words', () => {
  const { code, message, details } = refusalOf(() => readValue(schema, { list: [1, 'a', 2.5] }, { what: 'body' }))
  assert.deepEqual([code, message], ['validation_failed', 'body: list.1: must be whole'])
  const problems = ['list.1', 'list.2'].map((path) => ({ path, message: 'must be whole' }))
  assert.deepEqual(details, { problems })
  const within = refusalOf(() => readValue(schema, { list: 7 }, { at: ['engineSpec', 'params'] }))
  assert.match(within.message, /^engineSpec\.params\.list: /)
})

test('however much is wrong, 20 problems of at most 500 characters are told', () => {
  const long = 'x'.repeat(10_000)
  const all = refusalOf(() => readValue(schema, { list: Array.from({ length: 1000 }, () => 'a') }))
  assert.equal((all.details.problems as unknown[]).length, 20)
  const { message, details } = refusalOf(() => readValue(schema, { list: [], [long]: 1 }))
  const [problem] = details.problems as { message: string }[]
  assert.deepEqual([message.length, problem?.message.length], [500, 500])
})

test('one field is refused as many are', () => {
  const { code, message, details } = invalidField('preset', 'is not granted here', { granted: ['a'] })
  assert.deepEqual([code, message], ['validation_failed', 'preset: is not granted here'])
  assert.deepEqual(details, { granted: ['a'], problems: [{ path: 'preset', message: 'is not granted here' }] })
})
