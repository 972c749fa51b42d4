import assert from 'node:assert/strict'
import { test } from 'node:test'
import { chooseType } from './accept.ts'

const OFFERED = ['application/x-ndjson', 'text/plain', 'text/event-stream'] as const
const [LINES, TEXT, EVENTS] = OFFERED

test('what is wanted most is chosen, by its weight and how closely it is named', () => {
  for (const [accept, type] of [
    [undefined, LINES],
    ['', LINES],
    ['*/*', LINES],
    ['text/plain', TEXT],
    ['TEXT/Plain; charset=utf-8', TEXT],
    ['text/event-stream, */*', EVENTS],
    ['text/html, application/xml;q=0.9, */*;q=0.8', LINES],
    ['text/*', TEXT],
    ['text/event-stream, text/plain', EVENTS],
    ['text/plain;q=0.5, text/event-stream', EVENTS],
    ['text/plain;q=0, text/*', EVENTS],
    ['text/event-stream;q=0, application/x-ndjson;q=0, */*', TEXT],
    ['text/event-stream;q=0.001, text/plain;q=0.0', EVENTS],
    ['text/plain;q=nonsense', TEXT],
    [',,text/plain,', TEXT],
  ] as const) {
    assert.equal(chooseType(accept, OFFERED), type, accept)
  }
})

test('who wants nothing of what there is gets 406, and is told what there is', () => {
  for (const accept of [
    'application/json',
    'image/*',
    'text/plain-and-more',
    'x text/plain',
    '*/*;q=0',
    'text/plain;q=0',
  ]) {
    assert.throws(() => chooseType(accept, OFFERED), { status: 406, code: 'validation_failed' }, accept)
  }
})
