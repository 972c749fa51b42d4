import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatTraceparent, parseTraceparent } from './trace-context.ts'

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const SPAN = '00f067aa0ba902b7'

test('a traceparent names a trace, a span, and whether it is sampled', () => {
  const context = { traceId: TRACE, spanId: SPAN, isSampled: true }
  assert.deepEqual(parseTraceparent(`00-${TRACE}-${SPAN}-01`), context)
  assert.deepEqual(parseTraceparent(`00-${TRACE}-${SPAN}-00`), { ...context, isSampled: false })
  assert.deepEqual(parseTraceparent(`00-${TRACE}-${SPAN}-03`), context)
  assert.equal(formatTraceparent(context), `00-${TRACE}-${SPAN}-01`)
  assert.equal(formatTraceparent({ ...context, isSampled: false }), `00-${TRACE}-${SPAN}-00`)
})

test('a later version may say more, the first one may not', () => {
  assert.equal(parseTraceparent(`cc-${TRACE}-${SPAN}-01-what-ever`)?.traceId, TRACE)
  assert.equal(parseTraceparent(`00-${TRACE}-${SPAN}-01-what-ever`), undefined)
})

test('anything else is none', () => {
  const zeros = '0'.repeat(32)
  for (const text of [
    '',
    `ff-${TRACE}-${SPAN}-01`,
    `00-${zeros}-${SPAN}-01`,
    `00-${TRACE}-${zeros.slice(16)}-01`,
    `00-${TRACE.toUpperCase()}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}-1`,
    `00-${TRACE}-${SPAN}`,
    ` 00-${TRACE}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}-01, 00-${TRACE}-${SPAN}-01`,
  ]) {
    assert.equal(parseTraceparent(text), undefined, text)
  }
})
