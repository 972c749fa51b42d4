import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { neutralize } from './neutralize.ts'
import { isHarmless, TERMINAL_ATTACKS } from './terminal-attacks.fixture.ts'

for (const { name, text } of TERMINAL_ATTACKS) {
  test(`text that ${name} is harmless, and shows that something was there`, () => {
    assert.equal(isHarmless(text), false)
    for (const lines of [true, false]) {
      const shown = neutralize(text, { lines })
      assert.ok(isHarmless(shown), shown)
      assert.match(shown, /[\u2400-\u2421]|<U\+[0-9A-F]{4,}>|\ufffd/)
    }
  })
}

test('whatever text it is, nothing but letters is left, and doing it twice changes nothing', () => {
  const unit = fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code))
  const hostile = fc.constantFrom('\x1b', '\x9b', '\x07', '\r', '\n', '\t', '\u202e', '[', ']', ';', '\u{e0041}', '😀')
  fc.assert(
    fc.property(fc.string({ unit: fc.oneof(unit, hostile) }), fc.boolean(), (text, lines) => {
      const shown = neutralize(text, { lines })
      assert.ok(isHarmless(shown), JSON.stringify(shown))
      if (!lines) assert.doesNotMatch(shown, /[\n\t]/)
      assert.equal(neutralize(shown, { lines }), shown)
    }),
    { numRuns: 1000 },
  )
})

test('what is harmless stays as it is, in all writings', () => {
  for (const text of [
    'plain',
    'naïve café',
    '日本語 한국어',
    'שלום عربى',
    '👩‍👩‍👧 🏳️‍🌈',
    'क्‍ष نمی‌خواهم',
    '1 € – “x” …',
  ]) {
    assert.equal(neutralize(text), text)
  }
})

test('line feeds and tabs stay in lines alone; the carriage return of a line end goes', () => {
  assert.equal(neutralize('a\tb\r\nc\n', { lines: true }), 'a\tb\nc\n')
  assert.equal(neutralize('a\tb\r\nc\n'), 'a␉b␍␊c␊')
  assert.equal(neutralize('10%\r20%', { lines: true }), '10%␍20%')
})

test('each control has a picture or a number', () => {
  assert.equal(neutralize('\x00\x1b\x7f\x9b\u202e\u{e0041}\ud800'), '␀␛␡<U+009B><U+202E><U+E0041>\ufffd')
})
