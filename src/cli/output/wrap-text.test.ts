import assert from 'node:assert/strict'
import { test } from 'node:test'
import { wrapText } from './wrap-text.ts'

test('text is broken between words, and only where it must be', () => {
  assert.deepEqual(wrapText('one two three', 13), ['one two three'])
  assert.deepEqual(wrapText('one two three', 12), ['one two', 'three'])
  assert.deepEqual(wrapText('one two three', Number.POSITIVE_INFINITY), ['one two three'])
  assert.deepEqual(wrapText('a incomprehensibilities b', 5), ['a', 'incomprehensibilities', 'b'])
  assert.deepEqual(wrapText('日本 日本', 8), ['日本', '日本'])
})
