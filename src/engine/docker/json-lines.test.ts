import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { jsonLines } from './json-lines.ts'

test('every value comes out, however the lines are cut, also within a character', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.string({ unit: 'grapheme' })),
      fc.integer({ min: 1, max: 7 }),
      async (values, step) => {
        const bytes = Buffer.from(values.map((value) => `${JSON.stringify(value)}\r\n`).join(''))
        async function* body(): AsyncGenerator<Buffer> {
          for (let at = 0; at < bytes.length; at += step) yield bytes.subarray(at, at + step)
        }
        const received: unknown[] = []
        for await (const value of jsonLines(body())) received.push(value)
        assert.deepEqual(received, values)
      },
    ),
  )
})
