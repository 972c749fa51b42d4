import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { cutText, textWidth } from './text-width.ts'

test('letters take one column, East Asian ones and emoji two, marks none of their own', () => {
  const widths = ['abc', 'é', 'e\u0301', '日本', '한', 'ｶ', 'Ａ', '😀', '👩‍👩‍👧', '🇩🇪', '…', ''].map(textWidth)
  assert.deepEqual(widths, [3, 1, 1, 4, 2, 1, 2, 2, 2, 2, 1, 0])
})

test('text is cut to the columns there are, between characters, and says so', () => {
  assert.equal(cutText('abcdef', 6), 'abcdef')
  assert.equal(cutText('abcdef', 5), 'abcd…')
  assert.equal(cutText('日本語', 4), '日…')
  assert.equal(cutText('👩‍👩‍👧👩‍👩‍👧', 3), '👩‍👩‍👧…')
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 1, max: 20 }), (text, columns) => {
      assert.ok(textWidth(cutText(text, columns)) <= columns)
    }),
  )
})
